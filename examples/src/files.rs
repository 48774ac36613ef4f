//! The files of a folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

/// Larger files are data rather than text that somebody wrote.
const MAX_BYTES: u64 = 512 * 1024;

/// A file as it was when the folder was listed. After an edit the same path is another `SourceFile`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceFile {
    /// Where the file is.
    pub path: Arc<str>,
    /// When it was changed last.
    pub modified: SystemTime,
    /// Its size in bytes.
    pub bytes: u64,
    /// Where in the path the part below the listed folder begins.
    name_at: usize,
}

impl SourceFile {
    /// The path below the listed folder.
    pub fn name(&self) -> &str {
        &self.path[self.name_at..]
    }
}

/// Lists the files below a folder, sorted by name. Left out is what nobody wrote: hidden and very large files,
/// build output, recorded compiler messages and lock files.
///
/// # Errors
///
/// If a folder can't be read.
pub fn list(root: &Path) -> io::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            // A link that leads nowhere, or a file that was removed this moment.
            let Ok(metadata) = path.symlink_metadata() else {
                continue;
            };
            if is_hidden || is_generated(&path) {
                continue;
            }
            if metadata.is_dir() {
                open.push(path);
            } else if metadata.is_file() && metadata.len() <= MAX_BYTES {
                let name_length = path.strip_prefix(root).unwrap_or(&path).as_os_str().len();
                // A name that is no Unicode text is not a source file's.
                if let Some(path) = path.to_str() {
                    files.push(SourceFile {
                        path: path.into(),
                        modified: metadata.modified()?,
                        bytes: metadata.len(),
                        name_at: path.len() - name_length,
                    });
                }
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_generated(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "lock" || extension == "stderr")
        || path.join("CACHEDIR.TAG").exists()
        || path.file_name().is_some_and(|name| name == "target" || name == "node_modules")
}
