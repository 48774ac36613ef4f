use memo::cache_get;

mod users {
    #[memo::memoize]
    pub fn find(id: u64) -> u64 {
        id
    }
}

use users::find;

fn main() {
    find(1);
    cache_get!(find(1));
}
