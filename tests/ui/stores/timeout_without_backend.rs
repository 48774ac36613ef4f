use memo::memoize;

#[memoize(backend_timeout = "1s")]
fn one(x: u32) -> u32 {
    x
}

fn main() {
    one(1);
}
