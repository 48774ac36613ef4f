use memo::memoize;

struct User;

#[memoize]
fn find(id: u64) -> User {
    let _ = id;
    User
}

fn main() {
    find(1);
}
