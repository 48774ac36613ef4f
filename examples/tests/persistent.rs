//! What the example `persistent` promises: the second run of the same command computes nothing, and after one file changed the
//! third computes that one only.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The example as a program: beside this test, where a whole `cargo test` puts it; a test that is built alone builds it.
fn example() -> PathBuf {
    let this = env::current_exe().expect("tests are programs");
    let target = this.parent().and_then(Path::parent).expect("a test stands in `deps`");
    let example = target.join("examples").join(format!("persistent{}", env::consts::EXE_SUFFIX));
    if !example.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--offline", "--example", "persistent", "--manifest-path"]);
        let built = cargo.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).status().expect("cargo runs");
        assert!(built.success(), "the example does not build");
    }
    example
}

/// Runs the example; gives how many files it computed and how many came from the store, as it says.
fn run(folder: &Path, store: &str) -> (usize, usize) {
    let output = Command::new(example())
        .arg(folder)
        .args(["--store", store])
        .env_remove("MEMO_DISABLE")
        .output()
        .expect("the example starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "the example fails:\n{errors}");
    let printed = String::from_utf8(output.stdout).expect("the example prints text");
    let last = printed.lines().last().expect("it says what it did");
    let number_before = |word: &str| -> usize {
        let before = last.split(word).next().and_then(|before| before.split_whitespace().last());
        before.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no number before `{word}`: {last}"))
    };
    (number_before(" computed"), number_before(" from the store"))
}

#[test]
fn what_did_not_change_is_computed_once() {
    for scheme in ["sqlite", "file"] {
        let place = tempfile::tempdir().expect("a folder for the test");
        let folder = place.path().join("sources");
        fs::create_dir(&folder).expect("a folder for the sources");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut count = 0;
        for entry in fs::read_dir(sources).expect("the sources are there") {
            let entry = entry.expect("the sources are readable");
            fs::copy(entry.path(), folder.join(entry.file_name())).expect("the folder is writable");
            count += 1;
        }
        let store = format!("{scheme}://{}", place.path().join("store").display());
        assert_eq!(run(&folder, &store), (count, 0), "the first run");
        assert_eq!(run(&folder, &store), (0, count), "the second run");

        let changed = folder.join("lib.rs");
        let text = fs::read_to_string(&changed).expect("it was copied");
        fs::write(&changed, text + "// Another line.\n").expect("the folder is writable");
        assert_eq!(run(&folder, &store), (1, count - 1), "the third run, after one file changed");
        assert_eq!(run(&folder, &store), (0, count), "the fourth run");
    }
}
