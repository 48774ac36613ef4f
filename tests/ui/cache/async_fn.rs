use std::sync::LazyLock;

use memo::{Cache, memoize};

static USERS: LazyLock<Cache<u64, String>> = LazyLock::new(|| Cache::builder("users").build().expect("memory"));

#[memoize(cache = USERS)]
async fn user(id: u32) -> String {
    format!("user {id}")
}

fn main() {
    drop(user(1));
}
