//! `CACHEDIR.TAG`: tells backup programs that a directory holds what can be computed again
//! (<https://bford.info/cachedir/>).

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Read, Write},
    path::Path,
};

use crate::error::Error;

pub(super) const NAME: &str = "CACHEDIR.TAG";
const SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
const EXPLANATION: &[u8] = b"\n# This file is a cache directory tag created by memo.\n\
# For information about cache directory tags, see https://bford.info/cachedir/\n";

/// Marks a directory as a cache, so that backup programs leave it out. The directory must exist. If it is
/// marked already, nothing is written; stores of the scheme `file` mark theirs by themselves.
///
/// ```
/// let dir = std::env::temp_dir().join(format!("thumbnails-{}", std::process::id()));
/// std::fs::create_dir_all(&dir)?;
/// memo::backend::cachedir_tag(&dir)?;
/// memo::backend::cachedir_tag(&dir)?; // nothing to do
/// assert!(std::fs::read_to_string(dir.join("CACHEDIR.TAG"))?.starts_with("Signature: 8a477f59"));
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If the file can't be written, or there is another one of this name; that one is left alone.
pub fn cachedir_tag(dir: impl AsRef<Path>) -> Result<(), Error> {
    tag(dir.as_ref(), &mut OpenOptions::new())
}

/// The same, with what else is to be said when the file is made.
pub(super) fn tag(dir: &Path, options: &mut OpenOptions) -> Result<(), Error> {
    let path = dir.join(NAME);
    let failed = |error: std::io::Error| {
        Error::unavailable(format!("`{}` can't be written: {error}", path.display())).with_source(error)
    };
    match options.write(true).create_new(true).open(&path) {
        Ok(mut file) => {
            // At once, so that nobody finds a half of it.
            let written = file.write_all(&[SIGNATURE, EXPLANATION].concat());
            written.inspect_err(|_| drop(fs::remove_file(&path))).map_err(failed)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mut begin = Vec::new();
            let file = fs::File::open(&path).map_err(failed)?;
            file.take(SIGNATURE.len() as u64).read_to_end(&mut begin).map_err(failed)?;
            if begin == SIGNATURE {
                return Ok(());
            }
            Err(Error::unavailable(format!("`{}` is something else, and was left alone", path.display())))
        }
        Err(error) => Err(failed(error)),
    }
}
