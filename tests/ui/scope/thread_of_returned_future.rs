use memo::memoize;

#[memoize(scope = "thread")]
fn find(id: u64) -> impl Future<Output = u64> {
    async move { id }
}

fn main() {
    drop(find(1));
}
