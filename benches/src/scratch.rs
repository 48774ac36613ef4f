//! What 200 annotated functions add to a release build: a package is made for each contender, its dependencies are
//! built, and then the package itself is, with the clock running.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use crate::contenders::Column;

const FUNCTIONS: usize = 200;
/// Each package is built so often; the fastest counts, since all that disturbs a build makes it slower.
const BUILDS: usize = 3;

/// Time and sizes, without what the same functions take unannotated.
pub struct Added {
    pub seconds: f64,
    /// Bytes of code and constants.
    pub text: f64,
    /// Bytes of the stripped program.
    pub file: f64,
}

/// How a contender annotates its functions.
struct Flavour {
    column: Column,
    dependency: String,
    attribute: &'static str,
    /// Does it take references?
    borrows: bool,
}

fn flavours() -> Vec<Flavour> {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("memo");
    let flavour = |column, dependency: &str, attribute, borrows| Flavour {
        column,
        dependency: dependency.to_owned(),
        attribute,
        borrows,
    };
    vec![
        flavour(Column::Bare, "", "", true),
        flavour(
            Column::Memo,
            &format!("memo = {{ path = {:?} }}", library.display().to_string()),
            "#[memo::memoize(ttl = 300, max_entries = 1000)]",
            true,
        ),
        flavour(
            Column::CachedLruTtl,
            "cached = \"4.1\"",
            "#[cached::macros::cached(max_size = 1000, ttl_secs = 300)]",
            true,
        ),
        flavour(
            Column::Concurrent,
            "cached = \"4.1\"",
            "#[cached::macros::concurrent_cached(max_size = 1000, ttl_secs = 300)]",
            true,
        ),
        flavour(
            Column::Memoize,
            "memoize = \"0.6\"",
            "#[memoize::memoize(SharedCache, Capacity: 1000, TimeToLive: std::time::Duration::from_secs(300))]",
            false,
        ),
    ]
}

/// What each contender adds to the program without attributes.
pub fn added() -> Result<Vec<(Column, Added)>, String> {
    let flavours = flavours();
    let root = env::temp_dir().join(format!("memo-benches-{}", std::process::id()));
    let measured = measured(&root, &flavours);
    // What is left behind is of no interest; nor is a failure to remove it.
    let _ = fs::remove_dir_all(&root);
    let mut measured = measured?;
    let none = measured.remove(0);
    let columns = flavours.iter().skip(1).map(|flavour| flavour.column);
    let added = measured.into_iter().map(|with| Added {
        seconds: with.seconds - none.seconds,
        text: with.text - none.text,
        file: with.file - none.file,
    });
    Ok(columns.zip(added).collect())
}

fn measured(root: &Path, flavours: &[Flavour]) -> Result<Vec<Added>, String> {
    let mut packages = Vec::new();
    for flavour in flavours {
        packages.push(Package::new(root, flavour)?);
    }
    let mut best: Vec<f64> = vec![f64::INFINITY; packages.len()];
    for _ in 0..BUILDS {
        for (package, best) in packages.iter().zip(&mut best) {
            *best = best.min(package.build(&package.main)?);
        }
    }
    packages.iter().zip(best).map(|(package, seconds)| package.sizes(seconds)).collect()
}

struct Package {
    folder: PathBuf,
    main: String,
}

impl Package {
    /// Writes a package and builds what it depends on.
    fn new(root: &Path, flavour: &Flavour) -> Result<Self, String> {
        let folder = root.join(flavour.column.name().replace([' ', '+'], "-"));
        let manifest = format!(
            "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{}\n\n\
             [profile.release]\nstrip = true\n\n[workspace]\n",
            flavour.dependency
        );
        fs::create_dir_all(folder.join("src")).map_err(|error| describe(&folder, &error))?;
        write(&folder.join("Cargo.toml"), &manifest)?;
        // The versions that the rest of the table is about.
        write(&folder.join("Cargo.lock"), include_str!("../Cargo.lock"))?;
        let package = Self { folder, main: program(flavour) };
        package.build("fn main() {}\n")?;
        Ok(package)
    }

    /// The seconds that a build of the package itself takes.
    fn build(&self, main: &str) -> Result<f64, String> {
        let path = self.folder.join("src/main.rs");
        write(&path, main)?;
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let start = Instant::now();
        let output = Command::new(cargo)
            .args(["build", "--release", "--offline", "--quiet"])
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .current_dir(&self.folder)
            .output()
            .map_err(|error| format!("cargo: {error}"))?;
        let seconds = start.elapsed().as_secs_f64();
        if output.status.success() {
            return Ok(seconds);
        }
        let report = String::from_utf8_lossy(&output.stderr);
        let first = report.lines().find(|line| line.starts_with("error")).unwrap_or("cargo failed");
        Err(format!("{}: {first}", self.folder.display()))
    }

    fn sizes(&self, seconds: f64) -> Result<Added, String> {
        let program = self.folder.join("target/release/scratch");
        let file = fs::metadata(&program).map_err(|error| describe(&program, &error))?.len() as f64;
        // The second line begins with the text's size.
        let output = Command::new("size").arg(&program).output().map_err(|error| format!("size: {error}"))?;
        let report = String::from_utf8_lossy(&output.stdout);
        let text = report.lines().nth(1).and_then(|line| line.split_whitespace().next()?.parse().ok());
        Ok(Added { seconds, text: text.ok_or("size: an answer of another form")?, file })
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| describe(path, &error))
}

fn describe(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// A program of many small functions of eight forms, all of which it calls.
fn program(flavour: &Flavour) -> String {
    let (text, slice) = if flavour.borrows { ("&str", "&[u32]") } else { ("String", "Vec<u32>") };
    let (of_text, of_slice) = if flavour.borrows { ("&text", "&list") } else { ("text.clone()", "list.clone()") };
    let mut functions = String::new();
    let mut calls = String::new();
    for n in 0..FUNCTIONS {
        let (signature, body, call) = match n % 8 {
            0 => ("n: u64) -> u64".to_owned(), format!("n.wrapping_mul({n}) ^ n"), "n"),
            1 => (
                format!("name: {text}, n: u32) -> String"),
                format!("format!(\"{{name}} {{n}} {n}\")"),
                if flavour.borrows { "&text, n as u32" } else { "text.clone(), n as u32" },
            ),
            2 => (
                "a: i32, b: i32) -> Option<i64>".to_owned(),
                format!("(a > b).then(|| i64::from(a) * {n} + i64::from(b))"),
                "n as i32, 7",
            ),
            3 => (
                format!("name: {text}) -> Result<usize, String>"),
                format!("if name.len() > {n} {{ Err(name.to_string()) }} else {{ Ok(name.len() + {n}) }}"),
                of_text,
            ),
            4 => (format!("list: {slice}) -> Vec<u32>"), format!("list.iter().map(|x| x ^ {n}).collect()"), of_slice),
            5 => (
                "n: u32, flag: bool, letter: char) -> (u32, char)".to_owned(),
                format!("(if flag {{ n + {n} }} else {{ n }}, letter)"),
                "n as u32, n > 3, 'x'",
            ),
            6 => ("id: u64) -> std::sync::Arc<str>".to_owned(), format!("format!(\"{{id}} {n}\").into()"), "n"),
            _ => ("id: u64, part: u8) -> [u64; 4]".to_owned(), format!("[id, u64::from(part), {n}, id ^ {n}]"), "n, 3"),
        };
        let _ = write!(functions, "{}\nfn function_{n}({signature} {{\n    {body}\n}}\n\n", flavour.attribute);
        let _ = writeln!(calls, "    std::hint::black_box(function_{n}({call}));");
    }
    format!(
        "{functions}fn main() {{\n    let n = std::env::args().count() as u64;\n    let text = n.to_string();\n    \
         let list = vec![n as u32; 3];\n    let _ = (&text, &list);\n{calls}}}\n"
    )
}
