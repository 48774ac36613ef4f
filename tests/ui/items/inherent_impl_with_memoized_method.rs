use memo::memoize;

struct Repo;

#[memoize]
impl Repo {
    #[memoize]
    fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    Repo.find(1);
}
