//! Files and directories for their owner only, and names for them that nobody else has: what is stored is nobody else's
//! business.

use std::{
    collections::hash_map::RandomState,
    fs::{self, File, OpenOptions},
    hash::BuildHasher,
    io::{self, Write},
    path::Path,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

/// How files are opened: those that are made are for their owner only.
pub(crate) fn options() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "nothing is said there"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a file with these contents. `AlreadyExists` if there is one; no file remains after another error.
pub(crate) fn create(path: &Path, contents: &[u8], sync: bool) -> io::Result<()> {
    let mut file = options().write(true).create_new(true).open(path)?;
    let written = file.write_all(contents).and_then(|()| if sync { file.sync_all() } else { Ok(()) });
    drop(file);
    written.inspect_err(|_| drop(fs::remove_file(path)))
}

/// How directories are made.
#[cfg(any(feature = "sqlite", feature = "file", feature = "lmdb"))]
pub(crate) fn directories() -> fs::DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "nothing is said there"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Writes the names in a directory to the disk.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    // Elsewhere directories can't be opened; the log of Windows's file system keeps them.
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// A number that no other call has, in any process: processes in containers have the same numbers, and start anew with them.
pub(crate) fn unique() -> u128 {
    static PROGRAM: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(SystemTime::now()));
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // A fork has the same program and the same next number.
    let process = *PROGRAM ^ u64::from(std::process::id()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    // The lower half alone is as good as unique, too: names that show only that use it.
    u128::from(process) << 64 | u128::from(process.wrapping_add(next))
}
