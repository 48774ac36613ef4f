//! The two calls of LMDB that its wrapper can't vouch for: opening an environment, and replacing its map.

use std::path::Path;

use heed::{Env, EnvFlags, EnvOpenOptions, WithTls};

use super::gate::Closed;

/// Opens the environment in a directory. `first_look` is the only caller, for `Environment`, which has looked at the files and
/// has closed what it had open.
#[expect(unsafe_code, reason = "LMDB maps a file, and nobody can vouch for what others do to it")]
pub(super) fn open(dir: &Path, map_size: usize, max_readers: u32, flags: EnvFlags) -> heed::Result<Env<WithTls>> {
    let mut options = EnvOpenOptions::new().read_txn_with_tls();
    options.map_size(map_size).max_readers(max_readers);
    // SAFETY: `flags` are NO_SYNC and NO_META_SYNC only, which weaken what a power cut leaves behind. The file is mapped for
    // reading alone, and is written by LMDB only, under its lock. Of a file that is small, or shorter than it says, no tree
    // is read before the pages were found to be there and in order. The directory is on this host, and one process
    // opens it once: heed refuses more. Who else changes or cuts the file while it is open, or damages a large one, can make
    // this process fail; that is documented.
    unsafe { options.flags(flags).open(dir) }
}

/// Maps more of the file, or less. Zero: as much as other processes do.
#[expect(unsafe_code, reason = "LMDB does not check that no transaction is active")]
pub(super) fn resize<T>(env: &Env<WithTls>, size: usize, _nobody_inside: &Closed<'_, T>) -> heed::Result<()> {
    // SAFETY: transactions live only inside the gate of their environment, or before that is put behind it; and it is closed.
    unsafe { env.resize(size) }
}
