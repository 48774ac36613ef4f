//! The environments that are open in this process: one for each directory, whatever it is called.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::{environment::Environment, settings::Settings, writers::Writers};
use crate::{backend::opened::Opened, error::Error};

/// What all stores of one directory share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) environment: Environment,
    pub(super) writers: Writers,
}

static OPEN: LazyLock<Opened<PathBuf, Shared>> = LazyLock::new(Opened::default);

/// The environment in a directory, opened now, or before if it is open. `create` makes the directory.
pub(super) fn open(
    dir: &Path,
    create: fn(&Path) -> Result<(), Error>,
    settings: Settings,
) -> Result<Arc<Shared>, Error> {
    create(dir)?;
    let dir = dir.canonicalize().map_err(|error| {
        Error::unavailable(format!("`{}` can't be used: {error}", dir.display())).with_source(error)
    })?;
    let shared = OPEN.find_or_open(&dir, || {
        // Its last user may just be closing it.
        if let Some(closing) = heed::env_closing_event(&dir)
            && !closing.wait_timeout(Duration::from_secs(10))
        {
            return Err(Error::config(format!("`{}` is open in this process, but not by memo", dir.display())));
        }
        let environment = Environment::new(dir.clone(), create, settings);
        Ok(Arc::new(Shared { environment, writers: Writers::default() }))
    })?;
    if let Some(name) = shared.environment.settings().contradiction(&settings) {
        let dir = dir.display();
        return Err(Error::config(format!("the store in `{dir}` is open in this process with another `{name}`")));
    }
    // For the first time, or because its files are no longer there.
    shared.environment.refresh()?;
    Ok(shared)
}
