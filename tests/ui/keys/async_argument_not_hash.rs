use memo::memoize;

struct Logger;

#[memoize]
async fn find(logger: &Logger, id: u64) -> u64 {
    let _ = logger;
    id
}

fn main() {
    drop(find(&Logger, 1));
}
