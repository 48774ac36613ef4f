//! Clearing by tag, crate, backend and declared time to live.

use std::{sync::Arc, time::Duration};

use super::Tag;
use crate::{
    call::{
        extras::IntoTtl,
        registry::{self, Function},
        switch::reachable,
        terms::Ttl,
    },
    clock,
    error::{Error, Kind},
};

/// Selects entries to remove; all conditions hold together.
///
/// ```
/// # use memo::memoize;
/// #[memoize(ttl = 300, tags = ["users", format!("user:{id}")])]
/// fn profile(id: u64) -> String {
///     format!("profile {id}")
/// }
///
/// profile(7);
/// profile(8);
/// let cleared = memo::Clear::new().tag("users").tag("user:7").run()?;
/// assert_eq!(cleared.removed(), 1);
/// # Ok::<(), memo::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is removed before `run` is called"]
pub struct Clear {
    tags: Vec<Tag>,
    crate_name: Option<String>,
    backend: Option<String>,
    /// `Some(None)`: only functions that declare none.
    ttl: Option<Ttl>,
}

impl Clear {
    /// Selects nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only entries with this tag. Several tags: only entries with all of them.
    pub fn tag(mut self, tag: impl Into<Tag>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Only functions of this crate.
    pub fn crate_name(mut self, name: impl Into<String>) -> Self {
        // Paths spell a crate with underscores.
        self.crate_name = Some(name.into().replace('-', "_"));
        self
    }

    /// Only entries in this backend, by its scheme: `"memory"`.
    pub fn backend(mut self, name: impl Into<String>) -> Self {
        self.backend = Some(name.into());
        self
    }

    /// Only functions whose attribute declares this time to live as a constant: seconds or a `Duration`;
    /// `None::<u64>`: only functions that declare none.
    pub fn ttl(mut self, ttl: impl IntoTtl) -> Self {
        self.ttl = Some(ttl.into_ttl());
        self
    }

    /// Removes what is selected, in every store; bodies that run meanwhile do not store what is selected.
    ///
    /// # Errors
    ///
    /// If nothing was selected (use [`clear_all`](crate::clear_all) to remove everything), if the backend is unknown,
    /// or if a store could not be cleared.
    pub fn run(&self) -> Result<Cleared, Error> {
        if self.tags.is_empty() && self.crate_name.is_none() && self.backend.is_none() && self.ttl.is_none() {
            let message = "an empty selection clears nothing: name a tag, crate, backend or ttl, or call `clear_all`";
            return Err(Error::new(Kind::Selector, message));
        }
        if let Some(backend) = self.backend.as_ref().filter(|backend| *backend != "memory") {
            let message = format!("there is no backend `{backend}` in use; in use: `memory`");
            return Err(Error::new(Kind::Selector, message));
        }
        reachable()?;
        let removed = registry::all().iter().filter(|f| self.selects(f)).map(|f| self.clear(f)).sum();
        Ok(Cleared { removed })
    }

    fn selects(&self, function: &Function) -> bool {
        let declared = function.declared;
        self.crate_name.as_ref().is_none_or(|name| declared.crate_name() == name)
            && self.ttl.is_none_or(|ttl| declared.options.ttl == ttl.0)
    }

    fn clear(&self, function: &Function) -> u64 {
        let options = &function.declared.options;
        let mut rest: Vec<Tag> =
            self.tags.iter().filter(|tag| !options.tags.contains(&tag.as_str())).cloned().collect();
        rest.sort_unstable();
        rest.dedup();
        if rest.is_empty() {
            return clear_all_of(function);
        }
        if !options.value_tags {
            return 0;
        }
        let rest: Arc<[Tag]> = rest.into();
        function.records().iter().map(|record| record.reach.clear_tagged(&rest)).sum()
    }
}

fn clear_all_of(function: &Function) -> u64 {
    function.records().iter().map(|record| record.reach.clear()).sum()
}

/// What a clear did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    removed: u64,
}

impl Cleared {
    /// How many entries were removed, as far as their stores can count. (With `scope = "thread"`, those of the calling
    /// thread: the others leave before their threads' next calls.)
    pub fn removed(&self) -> u64 {
        self.removed
    }

    pub(crate) fn all_of(functions: &[&'static Function]) -> Self {
        Self { removed: functions.iter().map(|function| clear_all_of(function)).sum() }
    }
}

impl IntoTtl for &Duration {
    fn into_ttl(self) -> Ttl {
        Ttl(Some(clock::millis(*self)))
    }
}
