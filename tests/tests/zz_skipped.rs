//! Row 57: at the end of a run of all tests, how many were skipped because their server is not installed.

use memo_tests::servers::{count_skipped, say};

#[test]
fn tests_that_were_skipped_are_counted() {
    let skipped = count_skipped();
    if skipped > 0 {
        say(&format!("{skipped} tests were skipped, because their servers are not installed (see above)"));
    }
    assert_eq!(count_skipped(), 0, "they are counted once");
}
