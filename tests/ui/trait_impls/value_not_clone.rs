use memo::memoize;

struct Repo;
struct User;

trait Find {
    fn find(&self, id: u64) -> User;
}

#[memoize]
impl Find for Repo {
    #[memoize]
    fn find(&self, id: u64) -> User {
        let _ = id;
        User
    }
}

fn main() {
    Repo.find(1);
}
