use memo::memoize;

struct Repo;

impl Repo {
    #[memoize(handle = UserCache)]
    fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    Repo.find(1);
}
