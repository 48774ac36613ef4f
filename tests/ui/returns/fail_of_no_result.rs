use memo::memoize;

#[memoize(wait_timeout = "1s", on_timeout = "fail")]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
