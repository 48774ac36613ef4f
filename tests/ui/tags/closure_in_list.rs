use memo::memoize;

#[memoize(tags = ["users", |id| format!("user:{id}")])]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
