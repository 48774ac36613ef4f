//! Stands in for `space` where no byte stores are built in. No function and no cache has stores then, so there are no
//! values of these types, and nothing of this is ever called.
#![expect(clippy::needless_pass_by_value, reason = "the real ones keep what they are given")]

use std::{any::Any, sync::Arc};

use crate::{
    cache::Written,
    call::{
        explanation::Explanation,
        home::{OfCache, WeakCache},
        site::{Outside, Version},
    },
    clock::Millis,
    error::Error,
    flight::slot::Flight,
    freshness::fingerprint::Fingerprint,
    memory::stamp::Stamp,
    stats::{Asked, counters::Counters},
    tags::Tag,
};

macro_rules! never {
    ($($type:ident)*) => {$(
        #[derive(Clone)]
        pub(crate) enum $type {}
    )*};
}
never!(Never Turn Offer Loaded Stored Text Lease);

#[derive(Clone)]
pub(crate) enum Tier {}

#[expect(dead_code, reason = "nothing is made")]
pub(crate) struct Made<'a> {
    pub(crate) name: &'a str,
    pub(crate) tiers: &'a [Tier],
    pub(crate) writes_back: bool,
    pub(crate) codec: Option<&'a str>,
    pub(crate) timeout: Option<u64>,
}

#[expect(dead_code, reason = "nobody leases anything")]
pub(crate) enum Leased {
    Here(Lease),
    Elsewhere,
    Aside,
    Failed,
    TimedOut,
}

#[expect(dead_code, reason = "nobody wishes for anything")]
pub(crate) struct Wish {
    pub(crate) key: EntryKey,
    pub(crate) flight: Arc<Flight>,
    pub(crate) deadline: Option<Millis>,
    pub(crate) looks: bool,
    pub(crate) refused: u64,
}

impl Lease {
    pub(crate) fn brings_nothing(&self) {
        match *self {}
    }
}

impl Drop for Turn {
    fn drop(&mut self) {}
}

#[derive(Clone)]
pub(crate) struct EntryKey;

impl EntryKey {
    #[expect(clippy::unused_self, reason = "the real one keeps it")]
    pub(crate) fn computed_since(&mut self, _: Since) {}
}

pub(crate) struct Since;

pub(crate) struct Read {
    pub(crate) found: Result<Option<Loaded>, Error>,
    pub(crate) since: Since,
}
pub(crate) struct AtHand;

#[derive(Clone, Copy)]
pub(crate) enum AnyValues {}

/// Who waits.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Face {
    Thread,
    Task,
}

impl Face {
    pub(crate) async fn finish<R>(self, change: impl Future<Output = R>) -> R {
        change.await
    }
}

#[expect(dead_code, reason = "nobody offers anything")]
pub(crate) struct About {
    pub(crate) expires: Option<u64>,
    pub(crate) fresh_until: Option<u64>,
    pub(crate) window: u64,
    pub(crate) cost: u64,
    pub(crate) tags: Vec<String>,
    pub(crate) dependency: Option<Fingerprint>,
    pub(crate) yields: bool,
}

/// What became of a value in the stores.
#[derive(Clone, Copy)]
#[expect(dead_code, reason = "nothing becomes of any")]
pub(crate) enum Outcome {
    Yielded,
    Removed,
    Stored,
}

pub(crate) struct Stores {
    never: Never,
    pub(crate) counters: Counters,
}

pub(crate) struct Space {
    pub(crate) stores: Arc<Stores>,
}

impl Loaded {
    pub(crate) fn created(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn stamp(&self) -> Stamp {
        match *self {}
    }

    pub(crate) fn cost(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn dependency(&self) -> Option<&Fingerprint> {
        match *self {}
    }

    pub(crate) fn is(&self, _: &Stored) -> bool {
        match *self {}
    }

    pub(crate) fn about(&self, _: &[&str]) -> (Stamp, Vec<Tag>) {
        match *self {}
    }
}

impl Offer {
    pub(crate) fn key(&self) -> &EntryKey {
        match *self {}
    }
}

impl Stored {
    pub(crate) fn about(&self, _: &[&str]) -> (Stamp, Vec<Tag>) {
        match *self {}
    }
}

impl Stores {
    /// # Panics
    /// Never: what would say so does not compile.
    pub(crate) fn beside(_: &Made<'_>, _: Option<&Arc<Self>>) -> Arc<Self> {
        unreachable!("no stores are built in")
    }

    /// # Panics
    /// Never, as [`beside`](Self::beside).
    pub(crate) fn declared(_: &Outside, _: &str) -> Self {
        unreachable!("no stores are built in")
    }
}

impl Space {
    pub(crate) fn new(stores: Arc<Stores>, _: (&str, &str), _: Version, _: AnyValues) -> Self {
        match stores.never {}
    }
}

impl Space {
    pub(crate) fn key_of<K>(&self, _: &Written<K>, _: &K, _: u64) -> Result<EntryKey, Error> {
        match self.stores.never {}
    }
}

impl Stores {
    #[expect(clippy::unused_async, reason = "the real one waits")]
    pub(crate) async fn lease(self: Arc<Self>, _: Face, _: Wish) -> Leased {
        match self.never {}
    }

    #[expect(clippy::unused_async, reason = "the real one waits")]
    pub(crate) async fn turns<'k>(&self, _: Face, _: impl IntoIterator<Item = &'k EntryKey>) -> Vec<Turn> {
        match self.never {}
    }
}

macro_rules! never {
    ($type:ident as $self:ident: $never:expr; $($(#$async:ident)? $name:ident($($of:ty),*) -> $result:ty;)*) => {
        impl $type {
            $(never!(@ $self $never; $($async)? $name($($of),*) -> $result);)*
        }
    };
    (@ $self:ident $never:expr; $name:ident($($of:ty),*) -> $result:ty) => {
        pub(crate) fn $name(&$self, $(_: $of),*) -> $result {
            match $never {}
        }
    };
    (@ $self:ident $never:expr; async $name:ident($($of:ty),*) -> $result:ty) => {
        pub(crate) async fn $name(&$self, $(_: $of),*) -> $result {
            match $never {}
        }
    };
}

never! {
    Space as self: self.stores.never;
    decode(&Loaded, &mut dyn Any) -> bool;
    decode_to_explain((&Loaded, &'static str), &mut dyn Any) -> Result<(), Explanation>;
    offer(EntryKey, &dyn Any, About) -> Result<Offer, Error>;
    used(&Loaded, bool) -> ();
    asked() -> Vec<Asked>;
    #async all(Face) -> Result<Vec<Stored>, Error>;
    at_hand(&EntryKey) -> AtHand;
    take_at_hand(&EntryKey, &mut AtHand, &mut dyn Any) -> bool;
    read_here_for_use(&EntryKey, AtHand) -> Read;
    #async read_for_use(Face, &EntryKey) -> Read;
    #async read_many(Face, &[&EntryKey]) -> Result<Vec<Option<Loaded>>, Error>;
    #async read_each(Face, &[&EntryKey]) -> Vec<Read>;
}

never! {
    Stores as self: self.never;
    #async present(Face, &EntryKey) -> Read;
    check() -> Result<(), Error>;
    failures() -> Vec<(String, u64)>;
    are(&Made<'_>) -> bool;
    are_of(&str) -> bool;
    #async explain(Face, &EntryKey) -> Result<(Loaded, &'static str), Explanation>;
    prefix() -> &str;
    has_memory() -> bool;
    uses(&str) -> bool;
    describe() -> (String, Option<String>);
    epoch(&EntryKey) -> u64;
    right_to_copy(&EntryKey, u64) -> Option<Turn>;
    failed(&Error) -> ();
    join(WeakCache) -> ();
    caches() -> Vec<OfCache>;
    #async turn(Face, &EntryKey) -> Turn;
    #async read(Face, &EntryKey) -> Result<Option<Loaded>, Error>;
    #async read_in_turn(Face, &Turn, &EntryKey) -> Result<Option<Loaded>, Error>;
    #async write(Face, &Turn, Offer) -> Result<Outcome, Error>;
    #async remove(Face, &Turn, &EntryKey) -> Result<bool, Error>;
    #async write_many(Face, &[Turn], Vec<Offer>) -> Result<Vec<Outcome>, Error>;
    #async remove_many(Face, &[Turn], &[&EntryKey]) -> Result<Vec<bool>, Error>;
    #async retime(Face, &Turn, &EntryKey, Option<u64>) -> Result<bool, Error>;
    #async clear(Face, Option<&Arc<[Tag]>>, impl FnOnce() -> u64) -> (Result<u64, Error>, u64);
    queued() -> u64;
    #async len(Face) -> Result<u64, Error>;
    #async sizes(Face) -> Vec<Option<u64>>;
    #async flush(Face) -> Result<(), Error>;
    #async write_out(Face) -> Result<(), Error>;
    #async purge(Face) -> Result<u64, Error>;
}
