use memo::memoize;

#[memoize(backend = ["memory", "null://"], max_weight = 10, weigh = |_, value| value.to_string())]
async fn find(id: u64) -> u64 {
    id
}

fn main() {
    drop(find(1));
}
