//! Row 45: what is unsaved in a `static` when its process ends.

use std::process::{Command, Stdio};

use memo::Cache;
use tempfile::tempdir;

/// The number of entries that a process saved, which ended in some way.
fn saved_by(end: &str) -> u64 {
    let dir = tempdir().expect("a directory");
    let path = dir.path().join("numbers.snapshot");
    let mut child = Command::new(env!("CARGO_BIN_EXE_exit_child"));
    // It may say how it panicked.
    child.arg(end).arg(&path).stderr(Stdio::null()).status().expect("a process can be started");
    let saved = Cache::<u64, u64>::builder("numbers").build().expect("builds");
    saved.restore_from(path).expect("is whole, if it is there")
}

#[test]
fn flush_all_saves_it() {
    assert_eq!(saved_by("flushes"), 1);
    assert_eq!(saved_by("flushes and aborts"), 1, "what comes after it is lost with the process");
}

#[test]
#[cfg(unix)]
fn the_main_thread_saves_it_when_it_ends() {
    for end in ["returns", "exits", "panics", "made it", "changed it"] {
        assert_eq!(saved_by(end), 1, "{end}");
    }
}
