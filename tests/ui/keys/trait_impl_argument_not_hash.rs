use memo::memoize;

struct Query;
struct Repo;

trait Find {
    fn find(&self, query: &Query) -> u64;
}

#[memoize]
impl Find for Repo {
    #[memoize]
    fn find(&self, query: &Query) -> u64 {
        let _ = query;
        1
    }
}

fn main() {
    Repo.find(&Query);
}
