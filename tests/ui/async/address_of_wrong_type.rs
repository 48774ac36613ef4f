use memo::{cache_set, memoize};

#[memoize]
async fn find(id: u64) -> u64 {
    id
}

async fn run() {
    cache_set!(find(1), "one").await.ok();
}

fn main() {
    drop(run());
}
