use memo::memoize;

struct Logger;

#[memoize]
fn find(logger: &Logger, id: u64) -> u64 {
    let _ = logger;
    id
}

fn main() {
    find(&Logger, 1);
}
