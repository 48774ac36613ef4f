use memo::memoize;

struct Repo;

trait Find {
    fn find(id: u64) -> u64;
}

impl Find for Repo {
    #[memoize]
    fn find(id: u64) -> u64 {
        id
    }
}

fn main() {
    Repo::find(1);
}
