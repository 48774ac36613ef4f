//! Rows 1, 23: user crates that can't be part of this workspace: another edition, a renamed dependency, two versions of
//! the library in one program. They are made in the build's temporary folder and built with what is downloaded already.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a member of a workspace").to_owned()
}

/// A fresh folder for one program.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(folder.join("src"));
    fs::create_dir_all(folder.join("src")).expect("the build's temporary folder is writable");
    folder
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("the build's temporary folder is writable");
}

/// Builds and runs a program; gives what it printed.
fn run(folder: &Path, manifest: &str, main: &str) -> String {
    write(&folder.join("Cargo.toml"), manifest);
    write(&folder.join("src/main.rs"), main);
    fs::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock")).expect("the workspace has a lock file");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("other-crates"))
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the program in {} fails:\n{errors}", folder.display());
    assert!(!errors.contains("warning"), "generated code draws warnings:\n{errors}");
    String::from_utf8(output.stdout).expect("the program prints text")
}

#[test]
fn an_older_edition_and_a_renamed_dependency() {
    let folder = folder("older-edition");
    let memo = repository().join("memo");
    let manifest = format!(
        "[package]\nname = \"older\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n\
         [dependencies]\nremember = {{ package = \"memo\", path = {memo:?} }}\n"
    );
    let main = r#"
        #![forbid(unsafe_code)]
        #![deny(warnings)]
        use remember::{cache_get, memoize, skip_cache};

        #[memoize(crate = remember, ttl = 60, max_entries = 10)]
        fn square(n: u64) -> u64 {
            n * n
        }

        struct Repo(u8);

        impl Repo {
            #[memoize(crate = remember, include(self.0))]
            fn get<'a>(&self, name: &'a str) -> String {
                format!("{name}{}", self.0)
            }
        }

        #[memoize(crate = remember)]
        async fn fetch(url: &str) -> Result<String, std::fmt::Error> {
            Ok(url.to_owned())
        }

        fn main() {
            drop(fetch("x"));
            square(4);
            square(4);
            skip_cache!(square(4));
            assert_eq!(cache_get!(square(4)), Some(16));
            assert_eq!(Repo(1).get("a"), "a1");
            assert_eq!(Repo(2).get("a"), "a2");
            println!("{} {}", remember::cache_info(square).hits, remember::cache_info(square).skipped);
        }
    "#;
    assert_eq!(run(&folder, &manifest, main), "1 1\n");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the build's temporary folder is writable");
    for entry in fs::read_dir(from).expect("the sources are there") {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).expect("the sources are readable");
        if path.is_dir() {
            copy_folder(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).expect("the sources are readable");
        }
    }
}

#[test]
fn two_versions_in_one_program() {
    let folder = folder("two-versions");
    let (repository, second) = (repository(), folder.join("second"));
    // The library once more, as the next version would be: its number, and the name of its link-time slice.
    for part in ["memo", "memo-macros"] {
        copy_folder(&repository.join(part), &second.join(part));
    }
    let root = fs::read_to_string(repository.join("Cargo.toml")).expect("the workspace has a manifest");
    let root = root.replace("0.1.0", "0.1.1").replace(", \"tests\", \"examples\"", "");
    write(&second.join("Cargo.toml"), &root);
    for file in ["memo/src/call/site.rs", "memo/src/call/registry.rs", "memo/src/private.rs"] {
        let text = fs::read_to_string(second.join(file)).expect("the sources are there");
        write(&second.join(file), &text.replace("SITES_0_1_0", "SITES_0_1_1"));
    }
    write(&second.join("README.md"), "");
    let manifest = format!(
        "[package]\nname = \"two\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\nexclude = [\"second\"]\n\
         [dependencies]\nmemo = {{ path = {:?} }}\nmemo_next = {{ package = \"memo\", path = {:?} }}\n",
        repository.join("memo"),
        second.join("memo"),
    );
    let main = r#"
        mod now {
            #[memo::memoize(tag = "all")]
            pub fn double(n: u64) -> u64 {
                2 * n
            }
        }

        mod next {
            #[memo_next::memoize(crate = memo_next, tag = "all")]
            pub fn double(n: u64) -> u64 {
                2 * n
            }
        }

        fn main() {
            now::double(1);
            next::double(1);
            assert_eq!(memo::functions().len(), 1, "each version knows its own functions");
            assert_eq!(memo_next::functions().len(), 1);
            assert_eq!(memo::clear_tag("all").map(|cleared| cleared.removed()).ok(), Some(1));
            next::double(1);
            println!("{} {}", memo::cache_info(now::double).size, memo_next::cache_info(next::double).hits);
        }
    "#;
    assert_eq!(run(&folder, &manifest, main), "0 1\n");
}
