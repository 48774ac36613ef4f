use memo::memoize;

#[memoize]
fn find<T: Clone>(query: T) -> u64 {
    drop(query);
    1
}

fn main() {
    find(1);
}
