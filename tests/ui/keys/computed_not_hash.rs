use memo::memoize;

struct Query(u64);

#[memoize(key = Query(id))]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
