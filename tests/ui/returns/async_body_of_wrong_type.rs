use memo::memoize;

#[memoize]
async fn find(id: u64) -> u64 {
    id.to_string()
}

fn main() {
    drop(find(1));
}
