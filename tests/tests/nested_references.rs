//! Row 3: references to what borrows itself.
#![allow(clippy::ptr_arg, reason = "forms that users write, in the tests that they belong to")]

use std::borrow::Cow;

use memo::{cache_get, memoize};
use memo_tests::fresh;

#[test]
fn references_to_references() {
    #[memoize]
    fn cached(text: &&str) -> (usize, u64) {
        (text.len(), fresh())
    }
    let first = cached(&"a");
    assert_eq!(cached(&&*String::from("a")), first);
    assert_ne!(cached(&"b"), first);
    assert_eq!(cache_get!(cached(&"a")), Some(first));
}

#[test]
fn references_to_cows() {
    #[memoize]
    fn cached(text: &Cow<'_, str>) -> (usize, u64) {
        (text.len(), fresh())
    }
    let first = cached(&Cow::Borrowed("a"));
    assert_eq!(cached(&Cow::Owned("a".into())), first);
    assert_ne!(cached(&Cow::Borrowed("b")), first);
}
