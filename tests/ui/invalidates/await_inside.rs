use memo::{invalidates, memoize};

#[memoize]
async fn find(id: u64) -> u64 {
    id
}

#[invalidates(find(id).await)]
async fn save(id: u64) -> u64 {
    id
}

fn main() {
    drop((find(1), save(1)));
}
