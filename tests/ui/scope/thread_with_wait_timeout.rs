use memo::memoize;

#[memoize(scope = "thread", wait_timeout = "1s")]
fn find(id: u64) -> u64 {
    id
}

fn main() {}
