use memo::memoize;

#[derive(Clone)]
pub struct User(u64);

#[memoize(backend = "sqlite://cache.db")]
pub async fn fetch(id: u64) -> Result<Vec<User>, std::fmt::Error> {
    Ok(vec![User(id)])
}

fn main() {
    drop(fetch(1));
}
