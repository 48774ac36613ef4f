use memo::memoize;

#[memoize(scope = "thread", single_flight = false)]
fn find(id: u64) -> u64 {
    id
}

fn main() {}
