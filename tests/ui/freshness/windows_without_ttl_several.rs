use memo::memoize;

#[memoize(stale_while_revalidate = "1m", stale_if_error = "1m", early_refresh)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
