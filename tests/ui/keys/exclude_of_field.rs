use memo::memoize;

#[memoize(exclude(user.password))]
fn find(user: String) -> u64 {
    user.len() as u64
}

fn main() {
    find(String::new());
}
