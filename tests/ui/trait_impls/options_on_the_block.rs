use memo::memoize;

struct Repo;

trait Find {
    fn find(&self, id: u64) -> u64;
}

#[memoize(ttl = 300)]
impl Find for Repo {
    #[memoize]
    fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    Repo.find(1);
}
