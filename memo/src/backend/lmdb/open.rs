//! The environments that are open in this process: one for each directory, whatever it is called.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Weak},
    time::Duration,
};

use parking_lot::Mutex;

use super::{environment::Environment, settings::Settings, writers::Writers};
use crate::error::Error;

/// What all stores of one directory share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) environment: Environment,
    pub(super) writers: Writers,
}

static OPEN: LazyLock<Mutex<HashMap<PathBuf, Weak<Shared>>>> = LazyLock::new(Mutex::default);

/// The environment in a directory, opened now, or before if it is open.
pub(super) fn open(dir: &Path, settings: Settings) -> Result<Arc<Shared>, Error> {
    let dir = dir.canonicalize().map_err(|error| {
        Error::unavailable(format!("`{}` can't be used: {error}", dir.display())).with_source(error)
    })?;
    // Held while it is opened: LMDB must not open one twice.
    let mut open = OPEN.lock();
    if let Some(shared) = open.get(&dir).and_then(Weak::upgrade) {
        return match shared.environment.settings.contradiction(&settings) {
            None => Ok(shared),
            Some(name) => Err(Error::config(format!(
                "the store in `{}` is open in this process with another `{name}`",
                dir.display()
            ))),
        };
    }
    // Its last user may just be closing it.
    if let Some(closing) = heed::env_closing_event(&dir)
        && !closing.wait_timeout(Duration::from_secs(10))
    {
        return Err(Error::config(format!("`{}` is open in this process, but not by memo", dir.display())));
    }
    let shared =
        Arc::new(Shared { environment: Environment::open(dir.clone(), settings)?, writers: Writers::default() });
    open.retain(|_, shared| shared.strong_count() > 0);
    open.insert(dir, Arc::downgrade(&shared));
    Ok(shared)
}
