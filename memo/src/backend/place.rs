//! Where stores on disk live.

use std::path::PathBuf;

use super::Url;
use crate::error::Error;

/// The absolute path that a URL names; without one, a place of its scheme in the user's cache directory.
pub(crate) fn of(url: &Url) -> Result<PathBuf, Error> {
    let path = match url.path() {
        Some(path) => path,
        None => default_for(url.scheme())?,
    };
    if path.to_string_lossy().contains('\0') {
        return Err(Error::config(format!("the path in `{url}` contains a zero byte")));
    }
    std::path::absolute(&path).map_err(|error| {
        Error::config(format!("the path in `{url}` can't be made absolute: {error}")).with_source(error)
    })
}

fn default_for(scheme: &str) -> Result<PathBuf, Error> {
    let base = cache_dir().ok_or_else(|| {
        Error::config(format!(
            "`{scheme}://` without a path needs a home directory; say where: `{scheme}:///some/path`"
        ))
    })?;
    let base = base.join("memo");
    Ok(if scheme == "sqlite" { base.join("cache.db") } else { base.join(scheme) })
}

/// The user's cache directory: `$XDG_CACHE_HOME` or `~/.cache`, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.
fn cache_dir() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(windows) {
        return absolute("LOCALAPPDATA");
    }
    if cfg!(target_os = "macos") {
        return Some(std::env::home_dir()?.join("Library/Caches"));
    }
    absolute("XDG_CACHE_HOME").or_else(|| Some(std::env::home_dir()?.join(".cache")))
}

/// Creates a directory for its owner only, and those above it.
#[cfg(any(feature = "sqlite", feature = "file", feature = "lmdb"))]
pub(crate) fn create_dir(path: &std::path::Path) -> Result<(), Error> {
    crate::owner_only::directories().recursive(true).create(path).map_err(|error| {
        let message = format!("the directory `{}` can't be created: {error}", path.display());
        Error::unavailable(message).with_source(error)
    })
}
