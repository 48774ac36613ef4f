use memo::memoize;

#[memoize(scope = "thread")]
async fn find(id: u64) -> u64 {
    id
}

fn main() {
    drop(find(1));
}
