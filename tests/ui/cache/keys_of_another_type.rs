use std::sync::LazyLock;

use memo::{Cache, memoize};

static USERS: LazyLock<Cache<u64, String>> = LazyLock::new(|| Cache::builder("users").build().expect("memory"));

#[memoize(cache = USERS)]
fn user(tenant: u32, id: u64) -> String {
    format!("user {id} of {tenant}")
}

fn main() {
    user(1, 2);
}
