use memo::memoize;

#[memoize(key = (id, tenant))]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
