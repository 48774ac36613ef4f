use memo::memoize;

#[derive(Clone)]
pub struct User(u64);

#[memoize(backend = "sqlite://cache.db", cache_if = |user: &User| user.0 > 0)]
pub fn find(id: u64) -> User {
    User(id)
}

fn main() {
    find(1);
}
