//! Rows 1, 22, 23: user crates that can't be part of this workspace: another edition, a renamed dependency, two versions of
//! the library in one program, the library without its features. They are made in the build's temporary folder and built with what is downloaded already.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
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

/// Has cargo do something with a program.
fn cargo(command: &str, folder: &Path, manifest: &str, main: &str) -> Output {
    write(&folder.join("Cargo.toml"), manifest);
    write(&folder.join("src/main.rs"), main);
    fs::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock")).expect("the workspace has a lock file");
    Command::new(env!("CARGO"))
        .args([command, "--quiet", "--offline"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("other-crates"))
        .env_remove("RUSTFLAGS")
        .output()
        .expect("cargo runs")
}

/// Builds and runs a program; gives what it printed.
fn run(folder: &Path, manifest: &str, main: &str) -> String {
    let output = cargo("run", folder, manifest, main);
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

/// The first lines of the compiler's errors, and all that it said.
fn errors(output: &Output) -> (Vec<String>, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let errors = text.lines().filter(|line| line.starts_with("error") && !line.contains("could not compile"));
    (errors.map(str::to_owned).collect(), text)
}

#[test]
fn backends_without_the_feature_for_them() {
    let folder = folder("without-stores");
    let package =
        "[package]\nname = \"without-stores\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n";
    let memo = repository().join("memo");
    let uses = [
        "#[memo::memoize(backend = \"sqlite://cache.db\", codec = \"json\", version = 3)]\nfn find(id: u64) -> u64 { id }\n\
         fn main() { find(1); }",
        "struct Repo;\nimpl Repo {\n#[memo::memoize(backend = [\"memory\", \"s3://bucket\"], max_entries = 10)]\n\
         async fn find(&self, id: u64) -> u64 { id }\n}\nfn main() { drop(Repo.find(1)); }",
        "trait Load { fn load(&self) -> u8; }\nstruct Repo;\n#[memo::memoize]\nimpl Load for Repo {\n\
         #[memo::memoize(backend = \"file://cache\")]\nfn load(&self) -> u8 { 1 }\n}\nfn main() { Repo.load(); }",
        "fn main() {\n#[memo::memoize(backend = \"null://\")]\nfn local(id: u64) -> u64 { id }\nlocal(1);\n}",
    ];
    let manifest = format!("{package}memo = {{ path = {memo:?} }}\n");
    for main in uses {
        let (errors, text) = errors(&cargo("check", &folder, &manifest, main));
        let said = "error: `backend` needs a cargo feature of `memo`: `sqlite`, `file`, `lmdb`, or `stores`";
        assert_eq!(errors, [said], "{text}");
        let marked = text.lines().find(|line| line.contains("^^^")).unwrap_or_default();
        let source = text.lines().find(|line| line.contains("backend = ")).unwrap_or_default();
        let at = marked.find('^').unwrap_or_default();
        assert!(source[at..].starts_with('"') && !source[at..].starts_with("\"memory\""), "not at the URL:\n{text}");
    }
    // Typed memory needs none.
    let main = "#[memo::memoize(backend = \"memory\")]\nfn find(id: u64) -> u64 { id }\nfn main() { println!(\"{}\", find(1)); }";
    assert_eq!(run(&folder, &manifest, main), "1\n");
    // Each store and each codec has its own, named where one of them is there.
    let manifest = format!("{package}memo = {{ path = {memo:?}, features = [\"stores\"] }}\n");
    for (options, said) in [
        ("backend = \"sqlite://cache.db\"", "`sqlite://` needs the cargo feature `sqlite` of `memo`"),
        ("backend = \"shm://\"", "`shm://` needs the cargo feature `lmdb` of `memo`"),
        ("backend = \"null://\", codec = \"json\"", "the codec `json` needs the cargo feature `json` of `memo`"),
        (
            "backend = \"null://?codec=raw+zstandard\"",
            "the compressor `zstandard` needs the cargo feature `zstd` of `memo`",
        ),
    ] {
        let main = format!("#[memo::memoize({options})]\nfn find(id: u64) -> u64 {{ id }}\nfn main() {{ find(1); }}");
        let (errors, text) = errors(&cargo("check", &folder, &manifest, &main));
        assert!(matches!(&errors[..], [error] if error.contains(said)), "{text}");
    }
}
