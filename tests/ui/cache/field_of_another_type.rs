use memo::{Cache, memoize};

struct Repo {
    cache: Cache<u32, String>,
}

impl Repo {
    #[memoize(cache = self.cache)]
    fn user(&self, id: u64) -> String {
        format!("user {id}")
    }
}

fn main() {
    Repo { cache: Cache::builder("users").build().expect("memory") }.user(1);
}
