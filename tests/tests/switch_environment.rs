//! Row 19: `MEMO_DISABLE` in the environment; in processes of their own.

use std::process::Command;

use memo::memoize;
use memo_tests::fresh;

#[memoize]
fn cached(n: u64) -> u64 {
    n + fresh()
}

/// What the processes that the test starts do.
fn child(expected: &str) {
    let start = memo::is_disabled();
    let repeats = cached(1) == cached(1);
    memo::enable();
    assert!(!memo::is_disabled());
    let enabled = cached(2) == cached(2);
    assert_eq!(format!("{start} {repeats} {enabled}"), expected);
    assert_eq!(memo::cache_info(cached).calls(), if start { 2 } else { 4 });
}

/// Runs the test itself in another process, told by `EXPECTED` that it is the child.
fn run(value: Option<&str>, expected: &str) {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["--exact", "the_environment_starts_a_process_disabled"]);
    command.env("EXPECTED", expected).env_remove("MEMO_DISABLE");
    if let Some(value) = value {
        command.env("MEMO_DISABLE", value);
    }
    let output = command.output().expect("starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{value:?}: {text}");
}

#[test]
fn the_environment_starts_a_process_disabled() {
    if let Ok(expected) = std::env::var("EXPECTED") {
        return child(&expected);
    }
    run(Some("1"), "true false true");
    run(None, "false true true");
    run(Some("0"), "false true true");
    run(Some(""), "false true true");
}
