use memo::memoize;

struct Query;

#[memoize]
fn find(queries: &[Option<&Query>]) -> usize {
    queries.len()
}

fn main() {
    find(&[]);
}
