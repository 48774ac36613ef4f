use memo::memoize;

#[memoize(backend = "memory", single_flight = "distributed")]
fn find(id: u64) -> u64 {
    id
}

fn main() {}
