//! A map has values for the elements of the slice.

use std::collections::HashMap;

use memo::memoize;

#[memoize(each = ids)]
fn names(ids: &[u64]) -> HashMap<u32, String> {
    ids.iter().map(|id| (*id as u32, id.to_string())).collect()
}

fn main() {
    names(&[1]);
}
