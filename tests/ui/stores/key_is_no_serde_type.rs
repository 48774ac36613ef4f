use memo::memoize;

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id(u64);

#[memoize(backend = "sqlite://cache.db")]
pub fn find(shop: &str, id: &Id) -> u64 {
    id.0 + shop.len() as u64
}

fn main() {
    find("x", &Id(1));
}
