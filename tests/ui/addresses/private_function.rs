use memo::cache_get;

mod users {
    #[memo::memoize]
    fn find(id: u64) -> u64 {
        id
    }

    pub fn all() -> u64 {
        find(1)
    }
}

fn main() {
    users::all();
    cache_get!(users::find(1));
}
