use std::sync::LazyLock;

use memo::{Cache, memoize};

static USERS: LazyLock<Cache<u64, String>> = LazyLock::new(|| Cache::builder("users").build().expect("memory"));

#[memoize(cache = USERS, ttl = 60, sliding)]
fn user(id: u64) -> String {
    format!("user {id}")
}

fn main() {
    user(1);
}
