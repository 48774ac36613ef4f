use memo::memoize;

#[memoize(scope = "thread", single_flight = "distributed")]
fn find(id: u64) -> u64 {
    id
}

fn main() {}
