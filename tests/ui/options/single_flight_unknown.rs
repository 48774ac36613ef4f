use memo::memoize;

#[memoize(single_flight = "no")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
