use memo::invalidates;

struct Repo;

impl Repo {
    fn find(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(self.find(id))]
    fn save(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    Repo.find(Repo.save(1));
}
