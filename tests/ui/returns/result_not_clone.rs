use memo::memoize;

struct User;

#[memoize]
fn find(id: u64) -> Result<User, String> {
    let _ = id;
    Ok(User)
}

fn main() {
    find(1).ok();
}
