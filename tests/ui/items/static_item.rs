use memo::memoize;

#[memoize]
static LIMIT: u64 = 10;

fn main() {
    let _ = LIMIT;
}
