use std::sync::LazyLock;

use memo::{Cache, memoize};

static USERS: LazyLock<Cache<u64, String>> = LazyLock::new(|| Cache::builder("users").build().expect("memory"));

#[memoize(cache = USERS, max_weight = 100, weigh = |_, value| value.len() as u64)]
fn user(id: u64) -> String {
    format!("user {id}")
}

fn main() {
    user(1);
}
