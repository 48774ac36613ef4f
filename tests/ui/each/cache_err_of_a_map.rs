//! A map has no place for the error of a key.

use std::collections::HashMap;

use memo::memoize;

#[memoize(each = ids, cache_err)]
fn names(ids: &[u64]) -> Result<HashMap<u64, String>, String> {
    Ok(ids.iter().map(|id| (*id, id.to_string())).collect())
}

fn main() {
    names(&[1]).unwrap();
}
