#[memo::memoize]
use std::fs::read;

fn main() {
    let _ = read("x");
}
