//! There is no value for each key, which only the compiler sees.

use memo::memoize;

struct Sum(u64);

#[memoize(each = ids)]
fn sum(ids: &[u64]) -> Sum {
    Sum(ids.iter().sum())
}

fn main() {
    sum(&[1]);
}
