use memo::memoize;

#[memoize(max_weight = 10, weigh = |value| *value)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
