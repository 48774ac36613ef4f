use memo::memoize;

struct Repo;

impl Repo {
    #[memoize(include(self.tenant))]
    fn find(id: u64) -> u64 {
        id
    }
}

fn main() {
    Repo::find(1);
}
