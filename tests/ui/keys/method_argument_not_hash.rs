use memo::memoize;

struct Query;
struct Repo;

impl Repo {
    #[memoize]
    fn find(&self, query: &Query) -> u64 {
        let _ = query;
        1
    }
}

fn main() {
    Repo.find(&Query);
}
