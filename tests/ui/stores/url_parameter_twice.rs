use memo::memoize;

#[memoize(backend = "s3://bucket?region=eu&region=us")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
