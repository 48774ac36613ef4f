//! Row 34; promise 6: two versions of a program that share a store: what makes an entry another version's, what does not, and
//! what reaches all of them.
//!
//! The program is `tests/versions`: its `main.rs` with the functions and types of `before`, and with those of `after`. Each
//! function stands for one change. Both are built once, in the build's temporary folder.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use tempfile::TempDir;

/// One build of the program.
struct Program(PathBuf);

/// The programs before and after the change.
fn both() -> (&'static Program, &'static Program) {
    // One after the other, since they are built in the same place.
    static PROGRAMS: LazyLock<[Program; 2]> = LazyLock::new(|| ["before", "after"].map(Program::build));
    let [before, after] = &*PROGRAMS;
    (before, after)
}

impl Program {
    fn build(version: &str) -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let repository = tests.parent().expect("the tests are a member of a workspace");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("versions").join(version);
        fs::create_dir_all(folder.join("src")).expect("the build's temporary folder is writable");
        let memo = repository.join("memo").display().to_string();
        let manifest = format!(
            "[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
             [dependencies]\nmemo = {{ path = {memo:?}, features = [\"file\"] }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\n",
        );
        fs::write(folder.join("Cargo.toml"), manifest).expect("the build's temporary folder is writable");
        copy(&repository.join("Cargo.lock"), &folder.join("Cargo.lock"));
        let sources = tests.join("versions");
        copy(&sources.join("main.rs"), &folder.join("src/main.rs"));
        for file in ["functions.rs", "types.rs"] {
            copy(&sources.join(version).join(file), &folder.join("src").join(file));
        }
        Self::compile(version, &folder)
    }

    fn compile(version: &str, folder: &Path) -> Self {
        // Both are built there under one name, so that they share what they depend on; each is copied when it is there.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("other-crates");
        let output = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--offline"])
            .current_dir(folder)
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the program `{version}` is not built:\n{errors}");
        assert!(!errors.contains("warning"), "the program `{version}` draws warnings:\n{errors}");
        let name = format!("program{}", env::consts::EXE_SUFFIX);
        copy(&target.join("debug").join(&name), &folder.join(&name));
        Self(folder.join(name))
    }

    /// Runs it; gives what it printed.
    fn run(&self, store: &TempDir, function: &str, command: &str, number: u32) -> String {
        let output = Command::new(&self.0)
            .arg(store.path())
            .args([function, command, &number.to_string()])
            .env_remove("MEMO_DISABLE")
            .output()
            .expect("the program starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{command}` on `{function}` fails:\n{errors}");
        String::from_utf8(output.stdout).expect("the program prints text").trim_end().to_owned()
    }

    /// Did a call run the body, and what did it give?
    fn call(&self, store: &TempDir, function: &str, number: u32) -> (bool, String) {
        let printed = self.run(store, function, "call", number);
        match printed.split_once(' ') {
            Some(("ran", value)) => (true, value.to_owned()),
            Some(("kept", value)) => (false, value.to_owned()),
            _ => panic!("the program printed `{printed}`"),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap_or_else(|error| panic!("{} is copied: {error}", from.display()));
}

fn store() -> TempDir {
    tempfile::tempdir().expect("a folder for the store")
}

/// The two versions share no entry of the function, and each finds its own.
#[track_caller]
fn are_apart(function: &str) {
    let ((before, after), store) = (both(), store());
    let (ran, old) = before.call(&store, function, 11);
    assert!(ran, "`{function}` has no entry yet");
    assert_eq!(after.run(&store, function, "get", 11), "None", "`{function}` never stored one after the change");
    let (ran, new) = after.call(&store, function, 11);
    assert!(ran, "`{function}` gave `{new}` of before the change");
    assert_eq!(before.call(&store, function, 11), (false, old), "`{function}` keeps the entry of before");
    assert_eq!(after.call(&store, function, 11), (false, new), "`{function}` keeps the entry of after");
    assert_eq!(before.run(&store, function, "count", 11), "2", "entries of `{function}`");
}

/// The two versions share the entries of the function, both ways.
#[track_caller]
fn share(function: &str) {
    let (before, after) = both();
    for (first, second) in [(before, after), (after, before)] {
        let store = store();
        let (ran, value) = first.call(&store, function, 11);
        assert!(ran, "`{function}` has no entry yet");
        assert_eq!(second.call(&store, function, 11), (false, value), "`{function}` has one by then");
        assert_eq!(second.run(&store, function, "count", 11), "1", "entries of `{function}`");
    }
}

#[test]
fn a_second_run_of_one_program_finds_what_the_first_stored() {
    let ((before, _), store) = (both(), store());
    assert_eq!(before.call(&store, "body", 11), (true, "12".to_owned()));
    assert_eq!(before.call(&store, "body", 11), (false, "12".to_owned()));
    assert_eq!(before.run(&store, "body", "get", 11), "Some(12)");
    assert_eq!(before.call(&store, "body", 12), (true, "13".to_owned()), "another key");
    assert_eq!(before.call(&store, "same", 11), (true, "12".to_owned()), "another function");
}

#[test]
fn a_changed_body_or_signature_is_another_version() {
    for function in ["body", "parameter_name", "parameter_type", "return_type"] {
        are_apart(function);
    }
}

#[test]
fn a_changed_type_in_another_file_is_another_version() {
    for function in ["swapped_fields", "renamed_field", "field_type", "nested_field", "swapped_variants"] {
        are_apart(function);
    }
}

/// Under one text of a key, two keys that mean different things.
#[test]
fn a_changed_key_is_another_version() {
    let ((before, after), store) = (both(), store());
    assert_eq!(before.call(&store, "key", 12), (true, "12".to_owned()), "its key is 12 / 10");
    assert_eq!(after.call(&store, "key", 21), (true, "21".to_owned()), "its key is 21 % 10");
    are_apart("key");
}

#[test]
fn comments_and_layout_are_not() {
    for function in ["same", "layout"] {
        share(function);
    }
}

#[test]
fn options_that_leave_values_and_keys_as_they_are_are_not() {
    for function in ["options", "said_auto"] {
        share(function);
    }
}

#[test]
fn what_helpers_do_is_not_seen() {
    share("helper");
}

#[test]
fn a_version_by_hand_stands_for_signature_body_and_key() {
    share("pinned_key");
    let ((before, after), store) = (both(), store());
    assert_eq!(before.call(&store, "pinned_body", 11), (true, "12".to_owned()));
    assert_eq!(after.call(&store, "pinned_body", 11), (false, "12".to_owned()), "it would give 13 itself");
    for function in ["pinned_number", "own_version"] {
        are_apart(function);
    }
}

#[test]
fn a_version_by_hand_does_not_stand_for_the_type() {
    are_apart("pinned_field");
}

#[test]
fn deleting_reaches_the_other_version() {
    let (before, after) = both();
    for (first, second) in [(before, after), (after, before)] {
        for function in ["body", "parameter_type", "renamed_field", "pinned_number"] {
            let store = store();
            first.call(&store, function, 11);
            first.call(&store, function, 12);
            second.call(&store, function, 11);
            assert_eq!(second.run(&store, function, "delete", 11), "true");
            assert_eq!(first.run(&store, function, "get", 11), "None", "`{function}` of the other version");
            assert_eq!(second.run(&store, function, "get", 11), "None", "`{function}` of its own");
            assert!(!first.call(&store, function, 12).0, "`{function}` has other entries, too");
            assert_eq!(second.run(&store, function, "delete", 12), "true", "although it never stored one itself");
            assert!(first.call(&store, function, 12).0, "`{function}` of the other version");
        }
    }
}

#[test]
fn clearing_purges_the_old_version() {
    let ((before, after), store) = (both(), store());
    for number in 0..3 {
        before.call(&store, "body", number);
        before.call(&store, "renamed_field", number);
    }
    after.call(&store, "body", 0);
    assert_eq!(after.run(&store, "body", "clear", 0), "4");
    assert_eq!(after.run(&store, "body", "count", 0), "0");
    for number in 0..3 {
        assert_eq!(before.run(&store, "body", "get", number), "None");
    }
    assert_eq!(after.run(&store, "renamed_field", "count", 0), "3", "those of another function stay");
    assert_eq!(after.run(&store, "renamed_field", "clear", 0), "3", "although it never stored one itself");
}

#[test]
fn clearing_a_tag_reaches_the_other_version() {
    let ((before, after), store) = (both(), store());
    before.call(&store, "tagged", 11);
    after.call(&store, "tagged", 11);
    before.call(&store, "body", 11);
    assert_eq!(after.run(&store, "tagged", "clear_tag", 0), "2");
    assert_eq!(before.run(&store, "tagged", "get", 11), "None");
    assert_eq!(before.run(&store, "body", "get", 11), "Some(12)", "it has no tag");
}
