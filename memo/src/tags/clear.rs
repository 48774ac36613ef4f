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
    flight::wait::block_on,
    space::Face,
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
        block_on(self.run_on(Face::Thread))
    }

    /// For threads and tasks.
    pub(crate) async fn run_on(&self, face: Face) -> Result<Cleared, Error> {
        if self.tags.is_empty() && self.crate_name.is_none() && self.backend.is_none() && self.ttl.is_none() {
            let message = "an empty selection clears nothing: name a tag, crate, backend or ttl, or call `clear_all`";
            return Err(Error::new(Kind::Selector, message));
        }
        let all = registry::all();
        if let Some(backend) = self.backend.as_ref().filter(|backend| !all.iter().any(|f| uses(f, backend))) {
            let mut used: Vec<String> = all.iter().map(|function| schemes(function)).collect();
            used.push("memory".to_owned());
            used.sort_unstable();
            used.dedup();
            if backend != "memory" {
                let message = format!("there is no backend `{backend}` in use; in use: `{}`", used.join("`, `"));
                return Err(Error::new(Kind::Selector, message));
            }
        }
        reachable()?;
        let selected: Vec<_> = all.into_iter().filter(|function| self.selects(function)).collect();
        Cleared::by(&selected, face, |function| self.wanted(function)).await
    }

    fn selects(&self, function: &Function) -> bool {
        let declared = function.declared;
        self.crate_name.as_ref().is_none_or(|name| declared.crate_name() == name)
            && self.ttl.is_none_or(|ttl| declared.options.ttl == ttl.0)
            && self.backend.as_ref().is_none_or(|backend| uses(function, backend))
    }

    /// What of a function's entries is selected.
    fn wanted(&self, function: &Function) -> Wanted {
        let options = &function.declared.options;
        let mut rest: Vec<Tag> =
            self.tags.iter().filter(|tag| !options.tags.contains(&tag.as_str())).cloned().collect();
        rest.sort_unstable();
        rest.dedup();
        match rest.is_empty() {
            true => Wanted::Everything,
            false if options.value_tags => Wanted::Tagged(rest.into()),
            false => Wanted::Nothing,
        }
    }
}

/// What of a function's entries is to be removed.
enum Wanted {
    Everything,
    Tagged(Arc<[Tag]>),
    Nothing,
}

fn uses(function: &Function, backend: &str) -> bool {
    function.stores.as_ref().map_or(backend == "memory", |stores| stores.uses(backend))
}

fn schemes(function: &Function) -> String {
    function.stores.as_ref().map_or_else(|| "memory".to_owned(), |stores| stores.describe().0)
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

    /// Removes all entries of some functions.
    pub(crate) async fn all_of(functions: &[&'static Function], face: Face) -> Result<Self, Error> {
        Self::by(functions, face, |_| Wanted::Everything).await
    }

    /// Clears every function, also if one fails.
    async fn by(
        functions: &[&'static Function],
        face: Face,
        wanted: impl Fn(&Function) -> Wanted,
    ) -> Result<Self, Error> {
        let (mut removed, mut failed) = (0, Vec::new());
        for function in functions {
            let cleared = match wanted(function) {
                Wanted::Everything => function.clear(face, None).await,
                Wanted::Tagged(tags) => function.clear(face, Some(&tags)).await,
                Wanted::Nothing => Ok(0),
            };
            match cleared {
                Ok(count) => removed += count,
                Err(error) => failed.push((function.display_name(), error)),
            }
        }
        match failed.len() {
            0 => Ok(Self { removed }),
            _ => Err(Error::several("could not be cleared", &failed)),
        }
    }
}

impl IntoTtl for &Duration {
    fn into_ttl(self) -> Ttl {
        Ttl(Some(clock::millis(*self)))
    }
}
