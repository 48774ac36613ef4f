//! Clearing by tag, crate, backend and declared time to live.

use std::{sync::Arc, time::Duration};

use super::{Tag, recent};
use crate::{
    call::{
        extras::IntoTtl,
        function::Function,
        owners::{self, Owner},
        switch::reachable,
        terms::Ttl,
    },
    clock,
    error::{Error, Kind},
    flight::wait::block_on,
    space::Face,
};

/// Selects entries to remove, of memoized functions and of cache objects that live; all conditions hold together.
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

    /// Only functions of this crate, and no cache objects.
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

    /// Only functions whose attribute declares this time to live as a constant, and cache objects that were built with it: seconds
    /// or a `Duration`; `None::<u64>`: only those that declare none.
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
        let all = owners::all();
        if let Some(backend) = self.backend.as_ref().filter(|backend| !all.iter().any(|owner| owner.uses(backend))) {
            let mut used: Vec<String> = all.iter().map(Owner::schemes).collect();
            used.push("memory".to_owned());
            used.sort_unstable();
            used.dedup();
            if backend != "memory" {
                let message = format!("there is no backend `{backend}` in use; in use: `{}`", used.join("`, `"));
                return Err(Error::new(Kind::Selector, message));
            }
        }
        reachable()?;
        let selected: Vec<_> = all.into_iter().filter(|owner| self.selects(owner)).collect();
        let cleared = Cleared::by(&selected, face, |owner| self.wanted(owner)).await;
        if cleared.is_ok() && self.crate_name.is_none() && self.backend.is_none() && self.ttl.is_none() {
            recent::note(&self.tags);
        }
        cleared
    }

    fn selects(&self, owner: &Owner) -> bool {
        !owner.is_guest()
            && self.crate_name.as_ref().is_none_or(|name| owner.crate_name() == Some(name))
            && self.ttl.is_none_or(|ttl| owner.declares_ttl(ttl.0))
            && self.backend.as_ref().is_none_or(|backend| owner.uses(backend))
    }

    /// What of the owner's entries is selected.
    fn wanted(&self, owner: &Owner) -> Wanted {
        let options = owner.options();
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

/// What of somebody's entries is to be removed.
enum Wanted {
    Everything,
    Tagged(Arc<[Tag]>),
    Nothing,
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
    pub(crate) async fn all_of(functions: Vec<&'static Function>, face: Face) -> Result<Self, Error> {
        let owners: Vec<_> = functions.into_iter().map(Owner::Function).collect();
        Self::by(&owners, face, |_| Wanted::Everything).await
    }

    /// Removes all entries there are.
    pub(crate) async fn everything(face: Face) -> Result<Self, Error> {
        let mut owners = owners::all();
        owners.retain(|owner| !owner.is_guest());
        Self::by(&owners, face, |_| Wanted::Everything).await
    }

    /// Clears every one of them, also if one fails.
    async fn by(owners: &[Owner], face: Face, wanted: impl Fn(&Owner) -> Wanted) -> Result<Self, Error> {
        let (mut removed, mut failed) = (0, Vec::new());
        for owner in owners {
            let cleared = match wanted(owner) {
                Wanted::Everything => owner.clear(face, None).await,
                Wanted::Tagged(tags) => owner.clear(face, Some(&tags)).await,
                Wanted::Nothing => Ok(0),
            };
            match cleared {
                Ok(count) => removed += count,
                Err(error) => failed.push((owner.name(), error)),
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
