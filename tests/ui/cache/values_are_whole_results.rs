use std::sync::LazyLock;

use memo::{Cache, memoize};

static USERS: LazyLock<Cache<u64, String>> = LazyLock::new(|| Cache::builder("users").build().expect("memory"));

#[memoize(cache = USERS, cache_err)]
fn user(id: u64) -> Result<String, String> {
    Ok(format!("user {id}"))
}

fn main() {
    user(1).ok();
}
