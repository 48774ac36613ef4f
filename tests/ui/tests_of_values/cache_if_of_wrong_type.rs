use memo::memoize;

#[memoize(cache_if = |user| user.len())]
fn find(id: u64) -> String {
    id.to_string()
}

fn main() {
    find(1);
}
