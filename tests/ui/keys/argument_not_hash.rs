use memo::memoize;

#[derive(Clone, PartialEq, Eq)]
struct Query;

#[memoize]
fn find(query: Query, id: u64) -> u64 {
    drop(query);
    id
}

fn main() {
    find(Query, 1);
}
