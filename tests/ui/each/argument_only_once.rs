//! The body may run several times, each with arguments of its own.

use memo::memoize;

struct Token;

#[memoize(each = ids, exclude(token))]
fn names(ids: &[u64], token: Token) -> Vec<String> {
    let _used = token;
    ids.iter().map(u64::to_string).collect()
}

fn main() {
    names(&[1], Token);
}
