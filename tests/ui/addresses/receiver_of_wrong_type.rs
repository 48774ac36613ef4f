use memo::{cache_delete, memoize};

struct Repo;

impl Repo {
    #[memoize(exclude(self))]
    fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    cache_delete!(Repo::find(7, 1)).ok();
}
