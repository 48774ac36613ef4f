use memo::memoize;

struct User(u64);

#[memoize(ttl = |user| user.0, tags = |user| [format!("user:{}", user.0)], cache_if = |user| user.0 > 0, validate = |entry| entry.value().0 > 0)]
fn find(id: u64) -> User {
    User(id)
}

fn main() {
    find(1);
}
