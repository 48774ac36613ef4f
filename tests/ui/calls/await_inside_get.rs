use memo::{cache_get, memoize};

#[memoize]
async fn find(id: u64) -> u64 {
    id
}

async fn run() {
    cache_get!(find(1).await);
}

fn main() {
    drop(run());
}
