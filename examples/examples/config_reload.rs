//! A file that is parsed once, and again only after it was changed, by whomever.
//!
//! What to look at: `settings`, whose attribute says what its value depends on. Nobody tells it of a change.

use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use memo::{cache_get, cache_info, explain_cache, memoize, probe};

/// How often the file was parsed.
static PARSED: AtomicU32 = AtomicU32::new(0);

type Settings = BTreeMap<String, String>;

/// The settings in a file, one `name = value` in a line. The time of its last change is asked for with every call, which is a
/// microsecond; `probe::file_hash` would read all of it.
#[memoize(dependency = probe::file_mtime(path))]
fn settings(path: &Path) -> io::Result<Arc<Settings>> {
    PARSED.fetch_add(1, Ordering::Relaxed);
    let text = fs::read_to_string(path)?;
    let lines = text.lines().filter_map(|line| line.split_once('='));
    Ok(Arc::new(lines.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()))
}

/// The same, but a file that can't be parsed leaves the settings as they were, for an hour at most.
#[memoize(dependency = probe::file_mtime(path), ttl = "10m", stale_if_error = "1h")]
fn port(path: &Path) -> Result<u16, String> {
    let settings = settings(path).map_err(|error| error.to_string())?;
    let port = settings.get("port").ok_or("there is no port")?;
    port.parse().map_err(|_| format!("`{port}` is no port"))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("server.conf");

    fs::write(&file, "port = 80\nname = shop\n")?;
    for _ in 0..1_000 {
        assert_eq!(settings(&file)?["name"], "shop");
    }
    assert_eq!(PARSED.load(Ordering::Relaxed), 1);
    println!("1,000 calls, parsed once");

    fs::write(&file, "port = 8080\nname = new shop\n")?;
    assert_eq!(cache_get!(settings(&file)), None);
    println!("{}", explain_cache!(settings(&file)));
    assert_eq!(settings(&file)?["name"], "new shop");
    assert_eq!(PARSED.load(Ordering::Relaxed), 2);
    assert_eq!(port(&file), Ok(8080));

    // Somebody makes a mistake.
    fs::write(&file, "port = eighty\n")?;
    assert_eq!(port(&file), Ok(8080));
    println!("a mistake in the file: port {} stays", port(&file)?);

    // That a file is missing is a state as good as any; it is an error here, and those are not stored.
    fs::remove_file(&file)?;
    assert!(settings(&file).is_err());
    println!("{} hits", cache_info(settings).hits);
    Ok(())
}
