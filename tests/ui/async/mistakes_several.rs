use memo::memoize;

#[memoize(ttl = "soon", scope = "thread")]
async fn find(id: u64) -> &'static mut u64 {
    Box::leak(Box::new(id))
}

fn main() {
    drop(find(1));
}
