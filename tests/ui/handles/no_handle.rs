use memo::cache_delete;

struct UserCache;

fn main() {
    let _ = UserCache;
    cache_delete!(UserCache(7)).ok();
}
