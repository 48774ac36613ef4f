//! Stores of files, as tests look at them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use memo::backend::{Backend, Files, Item, Url};

/// The URL of a store in a directory, with parameters.
pub fn url(dir: &Path, params: &str) -> Url {
    Url::parse(&format!("file://{}?{params}", dir.display())).expect("a valid URL")
}

/// Opens a store in a directory.
pub fn open(dir: &Path, params: &str) -> Files {
    Files::open(&url(dir, params)).expect("opens")
}

/// Sets bytes without tags and expiry.
pub fn set(store: &Files, key: &str, bytes: &[u8]) {
    store.set(key.as_bytes(), Item::new(bytes)).expect("sets");
}

/// The bytes under a key.
pub fn get(store: &Files, key: &str) -> Option<Vec<u8>> {
    store.get(key.as_bytes()).expect("reads")
}

/// All files below a directory; links are not followed.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.expect("can be listed").path();
        if path.symlink_metadata().expect("is there").is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The files of entries; those of markers have the same names, elsewhere.
pub fn entries(dir: &Path) -> Vec<PathBuf> {
    with_extension(&dir.join("entries"), "memo")
}

/// The files below a directory that have an extension.
pub fn with_extension(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = files(dir);
    found.retain(|path| path.extension().is_some_and(|own| own == extension));
    found
}

const TASK: &str = "MEMO_FILES_TASK";

/// Makes a command start this test program with a task for its test `another_process`. The task is a few words.
pub fn task(command: &mut Command, words: &str) {
    command.args(["--exact", "another_process", "--nocapture"]).env(TASK, words);
}

/// The words of the task, if this is another process.
pub fn my_task() -> Option<Vec<String>> {
    let words = std::env::var(TASK).ok()?;
    Some(words.split_whitespace().map(str::to_owned).collect())
}
