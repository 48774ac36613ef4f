//! How the contents are saved.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{Contents, Whole, autosync::Saves, exit::Flushes, hooks};
use crate::{
    cache::{Key, Value, core::contents_of, whole_file},
    call::{entry::Entry, switch},
    error::Error,
    flight::wait::block_on,
    space::Face,
};

impl<K: Key, V: Value> Whole<K, V> {
    /// Saves all live entries; gives their number.
    pub(in crate::cache) fn save(self: &Arc<Self>) -> Result<u64, Error> {
        switch::reachable()?;
        if self.keeping.is_read_only {
            return Ok(0);
        }
        block_on(self.first_use(Face::Thread))?;
        self.save_if(|| true)
    }

    /// Removes what was saved. What there is in memory stays, and is saved with the next change.
    pub(in crate::cache) fn delete_saved(&self) -> Result<(), Error> {
        switch::reachable()?;
        if self.keeping.is_read_only {
            return Ok(());
        }
        let delete = || {
            let hooks = self.hooks()?;
            match (&hooks.deleter, &self.keeping.file) {
                (Some(delete), _) => hooks::run("deleter", self.name(), || delete()),
                (None, Some(file)) => whole_file::remove(&file.path),
                (None, None) => Err(self.has_nowhere("deleter")),
            }
        };
        self.alone("have its saved contents deleted", || true, delete).map(drop)
    }

    /// Saves what has changed, if anything has.
    pub(in crate::cache) fn save_changes(self: &Arc<Self>) -> Result<(), Error> {
        let is_unsaved = || self.state.changes.are_unsaved();
        if is_unsaved() && !self.keeping.is_read_only {
            block_on(self.first_use(Face::Thread))?;
            self.save_if(is_unsaved)?;
        }
        Ok(())
    }

    fn save_if(&self, is_wanted: impl Fn() -> bool) -> Result<u64, Error> {
        self.alone("be saved", is_wanted, || self.write()).map(Option::unwrap_or_default)
    }

    /// Does what is done by one at a time, and brings what is saved up to date.
    fn alone<T>(
        &self,
        what: &str,
        is_wanted: impl Fn() -> bool,
        work: impl FnOnce() -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let Some(lead) = self.saving.enter_alone() else { return Err(self.failed(self.in_a_circle(what))) };
        if !is_wanted() {
            return Ok(None);
        }
        let result = lead.run(|| {
            let changes = self.state.changes.save_begins();
            let result = hooks::run(hooks::TYPES, self.name(), || Ok(work())).flatten();
            self.state.changes.save_ended(if result.is_ok() { changes } else { 0 });
            result
        });
        result.map(Some).map_err(|error| self.failed(error))
    }

    fn write(&self) -> Result<u64, Error> {
        let hooks = self.hooks()?;
        // Before the contents are taken, so that the latest stand.
        let file = self.keeping.file.as_ref().filter(|_| hooks.saver.is_none());
        let turn = file.map(|file| whole_file::Turn::new(&file.path)).transpose()?;
        let mut contents = Contents::of(self.present()?);
        if let Some(process) = hooks.pre_processor {
            contents = hooks::run("pre-processor", self.name(), || process(contents))?;
            contents.settle(&self.typed.options);
        }
        match (hooks.saver, turn.zip(file)) {
            (Some(save), _) => hooks::run("saver", self.name(), || save(&contents))?,
            (None, Some((turn, file))) => turn.land(&(file.encode)(&contents, &self.wire()?)?)?,
            (None, None) => return Err(self.has_nowhere("saver")),
        }
        Ok(contents.len() as u64)
    }

    /// All live entries, not while some come in, and not before: what was saved would be replaced by nothing.
    fn present(&self) -> Result<Vec<(K, Entry<V>)>, Error> {
        let alone = self.loading.enter_alone().filter(|_| self.is_loaded());
        let _alone = alone.ok_or_else(|| self.in_a_circle("be saved"))?;
        Ok(contents_of(&self.typed))
    }

    /// What a cache is told that has neither a snapshot nor the hook for it.
    pub(super) fn has_nowhere(&self, hook: &str) -> Error {
        let name = self.name();
        Error::config(format!("the cache `{name}` has no snapshot: name a file to the builder, or give it a {hook}"))
    }
}

impl<K: Key, V: Value> Saves for Whole<K, V> {
    fn save_in_background(self: Arc<Self>) {
        let save = move || {
            if block_on(self.first_use(Face::Thread)).is_err() {
                // Later, perhaps.
                self.state.changes.save_begins();
                self.state.changes.save_ended(0);
            } else {
                self.save_if(|| self.state.changes.is_due()).ok();
            }
        };
        // Errors were counted and reported where they happened. Should the hook for errors panic, nobody is left to tell.
        blocking::unblock(move || catch_unwind(AssertUnwindSafe(save)).ok()).detach();
    }
}

impl<K: Key, V: Value> Flushes for Whole<K, V> {
    fn name(&self) -> &str {
        self.name()
    }

    fn flush(self: Arc<Self>) -> Result<(), Error> {
        self.save_changes()
    }
}
