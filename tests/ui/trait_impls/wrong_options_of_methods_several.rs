use memo::memoize;

struct Repo;

trait Find {
    fn find(&self, id: u64) -> u64;
    fn load(&self, id: u64) -> u64;
}

#[memoize]
impl Find for Repo {
    #[memoize(ttl = "soon")]
    fn find(&self, id: u64) -> u64 {
        id
    }

    #[memoize(max_entries = 0)]
    fn load(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    Repo.find(1);
    Repo.load(1);
}
