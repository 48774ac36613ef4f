use memo::{memoize, skip_cache};

#[memoize]
async fn find(id: u64) -> u64 {
    id
}

async fn run() {
    skip_cache!(find(1).await);
}

fn main() {
    drop(run());
}
