use memo::memoize;

struct User;

#[memoize]
async fn find(id: u64) -> User {
    let _ = id;
    User
}

fn main() {
    drop(find(1));
}
