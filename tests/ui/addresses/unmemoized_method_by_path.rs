use memo::cache_get;

struct Repo;

impl Repo {
    fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    Repo.find(1);
    cache_get!(Repo::find(&Repo, 1));
}
