use memo::memoize;

struct Repo;

trait Find {
    fn find(&self, id: u64) -> u64;
}

#[memoize]
impl Find for Repo {
    #[memoize = 300]
    fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    Repo.find(1);
}
