//! Row 22: every wrong use is one compile error, at the right word, that says the way out.
//!
//! The cases are in `ui`, in folders by kind of failure. `TRYBUILD=overwrite` writes the expected texts anew.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Fewer would mean that cases got lost.
const FEWEST: usize = 60;
/// Where the uses are that have to compile.
const PASS: &str = "pass";
/// How the name of a case ends that is about several errors.
const SEVERAL: &str = "_several";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of cases");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

/// The cases that must not compile, by folder.
fn failing() -> BTreeMap<PathBuf, Vec<PathBuf>> {
    let folders = fs::read_dir(root()).expect("the folder of cases").map(|entry| entry.expect("an entry").path());
    let failing = folders.filter(|folder| folder.is_dir() && !folder.ends_with(PASS));
    failing.map(|folder| (folder.clone(), files(&folder, "rs"))).collect()
}

#[test]
fn wrong_uses_do_not_compile_and_right_ones_do() {
    let cases = trybuild::TestCases::new();
    for folder in failing().into_keys() {
        cases.compile_fail(folder.join("*.rs"));
    }
    cases.pass(root().join(PASS).join("*.rs"));
}

#[test]
fn every_folder_has_cases() {
    let failing = failing();
    for (folder, cases) in &failing {
        assert!(!cases.is_empty(), "no case in {}", folder.display());
    }
    let count: usize = failing.values().map(Vec::len).sum();
    assert!(count >= FEWEST, "there are only {count} cases");
}

#[test]
fn a_wrong_use_is_one_error() {
    for case in failing().into_values().flatten() {
        let expected = case.with_extension("stderr");
        let text = fs::read_to_string(&expected).unwrap_or_else(|error| panic!("{}: {error}", expected.display()));
        let errors = text.lines().filter(|line| line.starts_with("error")).count();
        let several = case.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with(SEVERAL));
        if several {
            assert!(errors > 1, "{} has {errors} errors", expected.display());
        } else {
            assert_eq!(errors, 1, "{} has {errors} errors", expected.display());
        }
    }
}

#[test]
fn every_expected_text_has_its_case() {
    for folder in failing().into_keys() {
        for expected in files(&folder, "stderr") {
            assert!(expected.with_extension("rs").exists(), "{} has no case", expected.display());
        }
    }
}
