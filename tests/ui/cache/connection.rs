use std::sync::LazyLock;

use memo::{Cache, memoize};

static USERS: LazyLock<Cache<u64, String>> = LazyLock::new(|| Cache::builder("users").build().expect("memory"));

struct PgPool;

#[memoize(cache = USERS)]
fn user(pool: &PgPool, id: u64) -> String {
    let _ = pool;
    format!("user {id}")
}

fn main() {
    user(&PgPool, 1);
}
