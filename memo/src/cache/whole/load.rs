//! How the contents come in.

use std::{
    future::poll_fn,
    sync::{Arc, atomic::Ordering},
};

use super::{
    Cleared, Contents, Hooks, SnapshotFile, Whole,
    autosync::quietly,
    gate::{Entered, ended},
    hooks,
};
use crate::{
    cache::{Key, Value, core::put, whole_file},
    call::switch,
    error::Error,
    flight::chain::context,
    space::Face,
    tags::Tag,
};

/// Who asked for the contents.
#[derive(Clone, Copy, PartialEq)]
enum By {
    /// Some operation, the first. It goes on without what is damaged or was cleared meanwhile.
    FirstUse,
    /// `restore`, which replaces what is there.
    Name,
}

impl<K: Key, V: Value> Whole<K, V> {
    /// Brings the contents in, if nobody has yet. In a circle (a hook uses the cache that it is run for) they are left as they
    /// are.
    pub(in crate::cache) async fn first_use(self: &Arc<Self>, face: Face) -> Result<(), Error> {
        while !self.is_loaded() {
            let wait = match self.loading.enter() {
                // It has just come in.
                Entered::Lead(_) if self.is_loaded() => return Ok(()),
                Entered::Lead(lead) if face == Face::Thread => {
                    return lead.run(|| self.load(By::FirstUse)).map(drop);
                }
                Entered::Lead(lead) => {
                    let (wait, whole, context) = (lead.follow(), self.clone(), context());
                    let work = move || lead.run(|| whole.load(By::FirstUse)).ok();
                    blocking::unblock(move || context.enter(work)).detach();
                    wait
                }
                Entered::Follow(wait) => wait,
            };
            let Some(mut wait) = wait else { return Ok(()) };
            let outcome = match face {
                Face::Thread => wait.block(),
                Face::Task => poll_fn(|cx| wait.poll_in_task(cx)).await,
            };
            if let Some(result) = ended(&outcome) {
                return result;
            }
        }
        Ok(())
    }

    /// Brings in what was saved, in place of what is there; gives the number of entries.
    pub(in crate::cache) fn restore(&self) -> Result<u64, Error> {
        switch::reachable()?;
        let Some(lead) = self.loading.enter_alone() else { return Err(self.failed(self.in_a_circle("be restored"))) };
        lead.run(|| self.load(By::Name))
    }

    /// What an operation that would wait for itself is told.
    pub(super) fn in_a_circle(&self, what: &str) -> Error {
        let name = self.name();
        Error::unsupported(format!("the cache `{name}` can't {what} by what it waits for, such as one of its hooks"))
    }

    fn load(&self, by: By) -> Result<u64, Error> {
        let cleared = self.listen();
        let none = Cleared::default();
        // Who asks by name wants what was cleared, too.
        let stays_out = if by == By::Name { &none } else { &cleared };
        let loaded = hooks::run(hooks::TYPES, self.name(), || Ok(self.try_load(by, stays_out))).flatten();
        loaded.map_err(|error| {
            self.take_back(cleared);
            self.failed(error)
        })
    }

    fn try_load(&self, by: By, stays_out: &Cleared) -> Result<u64, Error> {
        let hooks = self.hooks()?;
        if hooks.loader.is_none() && hooks.builder.is_none() && self.keeping.file.is_none() {
            return if by == By::Name {
                Err(self.has_nowhere("loader"))
            } else {
                Ok(self.come_in(Contents::new(), by))
            };
        }
        let found = if stays_out.everything { None } else { self.found(&hooks, by)? };
        if let Some(mut contents) = found {
            contents.retain(|_, entry| !stays_out.hits(entry.own_tags()));
            return Ok(quietly(|| self.come_in(contents, by)));
        }
        match hooks.builder {
            // What is built was not saved yet, so these are changes.
            Some(build) => Ok(self.come_in(hooks::run("builder", self.name(), || build())?, by)),
            None => Ok(self.come_in(Contents::new(), by)),
        }
    }

    /// What was saved; `None` if nothing was, or it is no good.
    fn found(&self, hooks: &Hooks<K, V>, by: By) -> Result<Option<Contents<K, V>>, Error> {
        let name = self.name();
        let mut found = match (&hooks.loader, &self.keeping.file) {
            (Some(load), _) => hooks::run("loader", name, || load())?,
            (None, Some(file)) => match self.read(file) {
                // Nothing can be lost any more, and the next save replaces it.
                Err(error) if by == By::FirstUse && error.is_corrupt() => {
                    self.failed(error);
                    None
                }
                read => read?,
            },
            (None, None) => None,
        };
        if let Some(process) = &hooks.post_processor
            && let Some(contents) = found.take()
        {
            found = Some(hooks::run("post-processor", name, || process(contents))?);
        }
        if let (Some(validate), Some(contents)) = (&hooks.validator, &found) {
            let verdict = hooks::run("validator", name, || {
                if validate(contents) { Ok(()) } else { Err("it refuses the contents".into()) }
            });
            if let Err(error) = verdict {
                self.failed(error);
                return Ok(None);
            }
        }
        Ok(found)
    }

    fn read(&self, file: &SnapshotFile<K, V>) -> Result<Option<Contents<K, V>>, Error> {
        let wire = self.wire()?;
        let Some(bytes) = whole_file::read(&file.path)? else { return Ok(None) };
        let entries = (file.decode)(&bytes, &wire).map_err(|error| error.within("the snapshot", &file.path))?;
        Ok(Some(Contents::of(entries)))
    }

    /// Puts the contents into memory; gives their number.
    fn come_in(&self, mut contents: Contents<K, V>, by: By) -> u64 {
        contents.settle(&self.typed.options);
        let count = contents.len() as u64;
        // What was cleared while they came does not come in. A clear is noted before it takes a lock of the store, so whatever it
        // is too late for here it finds there; and what others have set after it is not touched.
        let is_wanted = |tags: &[Tag]| !self.state.cleared.lock().hits(tags);
        for (key, entry, yields) in contents.into_items() {
            put(&self.typed, self.weigh.as_ref(), &key, entry, yields || by == By::FirstUse, is_wanted);
        }
        self.come_to_rest();
        count
    }

    /// Notes what is cleared from now on; gives what was before.
    fn listen(&self) -> Cleared {
        std::mem::take(&mut *self.state.cleared.lock())
    }

    /// The contents are in: there is nothing more to come.
    fn come_to_rest(&self) {
        let mut cleared = self.state.cleared.lock();
        *cleared = Cleared { is_over: true, ..Cleared::default() };
        self.state.is_loaded.store(true, Ordering::Release);
    }

    /// The contents have not come in. What was cleared is still not to come in later.
    fn take_back(&self, before: Cleared) {
        let mut cleared = self.state.cleared.lock();
        if self.is_loaded() {
            *cleared = Cleared { is_over: true, ..Cleared::default() };
            return;
        }
        cleared.everything |= before.everything;
        cleared.tags.extend(before.tags);
    }
}

impl Cleared {
    /// Was an entry with these tags cleared?
    fn hits(&self, tags: &[Tag]) -> bool {
        let has = |tag: &Tag| tags.contains(tag);
        self.everything || self.tags.iter().any(|tags| tags.iter().all(has))
    }
}
