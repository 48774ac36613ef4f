//! The static site of a memoized function: what its attribute declared, and the way from there to its caches.

use std::{
    any::{Any, TypeId},
    sync::OnceLock,
};

use parking_lot::RwLock;

use super::typed::{Mark, MarkedRef, TypedRef};
use crate::{clock::Millis, freshness::Windows};

/// Every memoized function linked into the program. The name carries the version, so that two versions of this
/// crate can live in one program.
#[cfg(not(any(target_family = "wasm", miri)))]
#[linkme::distributed_slice]
pub static SITES_0_1_0: [Site];

/// Who leaves first when a bound is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    S3Fifo,
    Lru,
    Lfu,
    Fifo,
}

impl Policy {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::S3Fifo => "s3-fifo",
            Self::Lru => "lru",
            Self::Lfu => "lfu",
            Self::Fifo => "fifo",
        }
    }
}

/// Where a function's entries are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Process,
    Thread,
}

/// Whose concurrent misses of a key are one run of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SingleFlight {
    Off,
    /// Those of this process.
    Process,
    /// Those of all processes that share the last tier's store.
    Distributed,
}

/// A random addition to the time to live.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Jitter {
    None,
    Millis(Millis),
    Fraction(f64),
}

/// Where entries live beside, or instead of, typed memory.
#[derive(Debug)]
pub struct Outside {
    /// URLs, the fastest tier first; `memory` as the first stands for typed memory.
    pub backends: &'static [&'static str],
    /// How values become bytes, where the URL says nothing of it.
    pub codec: Option<&'static str>,
    /// Values go into the first tier at once, and into the others in the background.
    pub writes_back: bool,
    /// How long each store is waited for.
    pub timeout: Option<Millis>,
    pub version: Version,
}

/// What the entries of a function depend on, beside the shape of their type.
#[derive(Clone, Copy, Debug)]
pub enum Version {
    /// A hash of the function's tokens.
    Tokens(u128),
    /// What the user wrote.
    Given(&'static str),
}

/// What the attribute says that can be said in a constant.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the attribute")]
pub struct Options {
    pub display_name: Option<&'static str>,
    pub ttl: Option<Millis>,
    pub sliding: bool,
    pub jitter: Jitter,
    pub max_entries: Option<u64>,
    pub max_weight: Option<u64>,
    pub policy: Policy,
    pub tags: &'static [&'static str],
    /// Entries may have tags beyond the literal ones.
    pub value_tags: bool,
    pub if_absent: bool,
    pub single_flight: SingleFlight,
    pub wait_timeout: Option<Millis>,
    /// What values are good for that are not fresh.
    pub windows: Option<&'static Windows>,
    pub scope: Scope,
    pub outside: Option<&'static Outside>,
    /// Entries live in cache objects, which the calls name.
    pub in_caches: bool,
}

impl Options {
    pub const NEW: Self = Self {
        display_name: None,
        ttl: None,
        sliding: false,
        jitter: Jitter::None,
        max_entries: None,
        max_weight: None,
        policy: Policy::S3Fifo,
        tags: &[],
        value_tags: false,
        if_absent: false,
        single_flight: SingleFlight::Process,
        wait_timeout: None,
        windows: None,
        scope: Scope::Process,
        outside: None,
        in_caches: false,
    };
}

/// What an attribute declares: the function and its options.
pub struct Declaration {
    pub(crate) name: &'static str,
    pub(crate) module: &'static str,
    /// Of the crate that the function stands in: two versions of one crate may be in a program.
    pub(crate) version: &'static str,
    pub(crate) position: (u32, u32),
    /// The full path of an item inside the function, with the type that the function belongs to.
    pub(crate) path: fn() -> &'static str,
    pub(crate) options: Options,
}

impl Declaration {
    pub const fn new(
        name: &'static str,
        module: &'static str,
        version: &'static str,
        position: (u32, u32),
        path: fn() -> &'static str,
        options: Options,
    ) -> Self {
        Self { name, module, version, position, path, options }
    }

    /// The name of the crate that the function stands in.
    pub(crate) fn crate_name(&self) -> &'static str {
        self.module.split("::").next().unwrap_or(self.module)
    }
}

impl std::fmt::Debug for Declaration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Declaration").field("name", &self.name).field("module", &self.module).finish_non_exhaustive()
    }
}

/// The static of a function: its declaration, and the way to what belongs to its instantiations.
#[derive(Debug)]
pub struct Site {
    pub(crate) declared: Declaration,
    /// Of the instantiation that came first, nearly always the only one.
    first: OnceLock<MarkedRef>,
    /// Of the others, sorted by their markers.
    others: RwLock<Vec<(TypeId, TypedRef)>>,
}

impl Site {
    pub const fn new(declared: Declaration) -> Self {
        Self { declared, first: OnceLock::new(), others: RwLock::new(Vec::new()) }
    }

    /// What belongs to the instantiation that came first: told apart by the type `M` of a closure inside the function.
    #[inline]
    pub(crate) fn first<M, T: Any>(&'static self) -> Option<&'static T> {
        self.first.get()?.get::<M, T>()
    }

    /// What belongs to any instantiation; `find` finds or makes what is not known yet.
    pub(crate) fn target(&'static self, mark: Mark, marker: TypeId, find: &dyn Fn() -> TypedRef) -> TypedRef {
        let others = self.others.read();
        if let Ok(at) = others.binary_search_by_key(&marker, |(of, _)| *of)
            && others[at].1.is(mark.of)
        {
            return others[at].1;
        }
        drop(others);
        let target = find();
        let is_first = target.marked(mark).is_some_and(|marked| self.first.set(marked).is_ok());
        if !is_first {
            let mut others = self.others.write();
            match others.binary_search_by_key(&marker, |(of, _)| *of) {
                Ok(at) => others[at].1 = target,
                Err(at) => others.insert(at, (marker, target)),
            }
        }
        target
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_slice_is_named_after_this_very_version() {
        let version = env!("CARGO_PKG_VERSION").replace(['.', '-', '+'], "_");
        let source = include_str!("site.rs");
        let declared = source.split("pub static SITES_").nth(1).and_then(|rest| rest.split(':').next());
        assert_eq!(declared, Some(version.as_str()));
    }
}
