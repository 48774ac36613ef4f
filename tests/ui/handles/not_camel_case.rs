use memo::memoize;

#[memoize(handle = user_cache)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
