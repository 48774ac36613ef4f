use memo::memoize;

pub struct Repo<T>(T);

impl<T: Clone + 'static> Repo<T> {
    #[memoize(backend = "sqlite://cache.db?ttl=soon")]
    pub async fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    drop(Repo(1).find(1));
}
