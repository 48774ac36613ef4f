use std::sync::LazyLock;

use memo::{Cache, invalidates};

static USERS: LazyLock<Cache<u64, String>> = LazyLock::new(|| Cache::builder("users").build().expect("memory"));

#[invalidates(USERS[id])]
fn rename(id: u64, name: String) {
    let _ = (id, name);
}

fn main() {
    USERS.len().ok();
    rename(1, String::new());
}
