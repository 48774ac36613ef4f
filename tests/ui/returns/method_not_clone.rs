use memo::memoize;

struct Repo;
struct User;

impl Repo {
    #[memoize]
    fn find(&self, id: u64) -> User {
        let _ = id;
        User
    }
}

fn main() {
    Repo.find(1);
}
