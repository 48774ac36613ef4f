//! Stands in for `space` where no byte stores are built in. No function has stores then, so there are no values of these
//! types, and nothing of this is ever called.

use std::{any::Any, sync::Arc};

use crate::{call::site::Outside, error::Error, memory::stamp::Stamp, stats::counters::Counters, tags::Tag};

#[derive(Clone)]
pub(crate) enum EntryKey {}
#[derive(Clone)]
pub(crate) enum Turn {}
pub(crate) enum Offer {}
pub(crate) enum Loaded {}
#[derive(Clone, Copy)]
pub(crate) enum AnyValues {}

/// Who waits.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Face {
    Thread,
    Task,
}

#[expect(dead_code, reason = "nobody offers anything")]
pub(crate) struct About {
    pub(crate) expires: Option<u64>,
    pub(crate) cost: u64,
    pub(crate) tags: Vec<String>,
    pub(crate) yields: bool,
}

pub(crate) struct Stores {
    never: EntryKey,
    pub(crate) counters: Counters,
}

pub(crate) struct Space {
    pub(crate) stores: Arc<Stores>,
}

impl Loaded {
    pub(crate) fn about(&self, _: &[&str]) -> (Stamp, Vec<Tag>) {
        match *self {}
    }
}

impl Space {
    pub(crate) fn new(stores: Arc<Stores>, _: (&str, &str), _: AnyValues) -> Self {
        match stores.never {}
    }

    pub(crate) fn decode(&self, _: &Loaded, _: &mut dyn Any) -> bool {
        match self.stores.never {}
    }

    pub(crate) fn try_decode(&self, _: &Loaded, _: &mut dyn Any) -> Result<(), Error> {
        match self.stores.never {}
    }

    pub(crate) fn offer(&self, _: EntryKey, _: &dyn Any, _: About) -> Result<Offer, Error> {
        match self.stores.never {}
    }
}

impl Stores {
    /// # Panics
    /// Never: what would say so does not compile.
    pub(crate) fn new(_: &'static Outside, _: &str) -> Self {
        unreachable!("no stores are built in")
    }
}

macro_rules! never {
    ($($(#$async:ident)? $name:ident($($type:ty),*) -> $result:ty;)*) => {
        impl Stores {
            $(never!(@ $($async)? $name($($type),*) -> $result);)*
        }
    };
    (@ $name:ident($($type:ty),*) -> $result:ty) => {
        pub(crate) fn $name(&self, $(_: $type),*) -> $result {
            match self.never {}
        }
    };
    (@ async $name:ident($($type:ty),*) -> $result:ty) => {
        pub(crate) async fn $name(&self, $(_: $type),*) -> $result {
            match self.never {}
        }
    };
}

never! {
    prefix() -> &str;
    has_memory() -> bool;
    uses(&str) -> bool;
    describe() -> (String, Option<String>);
    epoch(&EntryKey) -> u64;
    try_turn(&EntryKey) -> Option<Turn>;
    failed(&Error) -> ();
    #async all_turns(Face) -> Vec<Turn>;
    tier_name(&Loaded) -> &'static str;
    #async turn(Face, &EntryKey) -> Turn;
    #async read(Face, &EntryKey) -> Option<Loaded>;
    #async try_read(Face, &EntryKey) -> Result<Option<Loaded>, Error>;
    #async remove(Face, &Turn, &EntryKey) -> Result<bool, Error>;
    #async write(Face, &Turn, Offer) -> Result<bool, Error>;
    #async clear(Face, &[Turn], Option<Vec<String>>) -> Result<u64, Error>;
    #async len(Face) -> Result<u64, Error>;
    #async purge(Face) -> Result<u64, Error>;
}
