//! `#[invalidates]`: addresses and tags are taken down before the body, and removed after it.

use std::{borrow::Borrow, ops::Deref};

use super::address::{Address, Deletion, aio};
use crate::{
    cache::{Key, Lookup, Value, named::Named},
    flight::wait::block_on,
    key::probe::Probe,
    memory::locked::UnderLock,
    space::Face,
    tags::{Tag, clear::Clear},
};

/// What is to be removed once the body has succeeded.
#[derive(Default)]
pub struct Invalidation {
    deletions: Vec<Deletion>,
    tags: Vec<Tag>,
}

/// Addresses of sync and of async functions.
pub trait AnyAddress {
    fn deletion(&self) -> Later;
}

/// A deletion, for generated code that carries it over.
pub struct Later(Deletion);

impl<R> AnyAddress for Address<'_, R> {
    fn deletion(&self) -> Later {
        Later(Address::deletion(self))
    }
}

impl<R> AnyAddress for aio::Address<'_, R> {
    fn deletion(&self) -> Later {
        Later(self.deref().deletion())
    }
}

impl Invalidation {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn add(&mut self, address: &impl AnyAddress) {
        self.deletions.push(address.deletion().0);
    }

    /// An entry of a cache object.
    pub fn entry<C, Q>(&mut self, cache: &C, key: &Q)
    where
        C: Named<Key: Key + Borrow<Q>, Value: Value>,
        Q: ?Sized + Lookup<C::Key>,
    {
        self.deletions.push(cache.core().deletion(key));
    }

    pub fn tag(&mut self, tag: impl Into<Tag>) {
        self.tags.push(tag.into());
    }

    pub fn tags(&mut self, tags: impl IntoIterator<Item = impl Into<Tag>>) {
        self.tags.extend(tags.into_iter().map(Into::into));
    }

    /// Removes it all if the body succeeded.
    pub fn carry_out(self, succeeded: bool) {
        if !succeeded {
            return;
        }
        if UnderLock::is_here() {
            // From a key's or value's `Eq` or `Clone`: another thread waits for the lock that this one holds.
            std::thread::spawn(move || self.carry_out(true));
            return;
        }
        block_on(self.remove(Face::Thread));
    }

    /// Removes it all if the body of an async function succeeded.
    pub async fn carried_out(self, succeeded: bool) {
        if succeeded {
            self.remove(Face::Task).await;
        }
    }

    /// What a store did not confirm was counted and reported there.
    async fn remove(self, face: Face) {
        for deletion in self.deletions {
            let _ = deletion(face).await;
        }
        for tag in self.tags {
            let _ = Clear::new().tag(tag).run_on(face).await;
        }
    }
}

/// Did a body succeed? For a `Result`: is it `Ok`. See the module `probe` for how the type is told.
pub trait SuccessOfResult<T> {
    fn succeeded(&self, result: &T) -> bool;
}

impl<T, E> SuccessOfResult<Result<T, E>> for &Probe<Result<T, E>> {
    fn succeeded(&self, result: &Result<T, E>) -> bool {
        result.is_ok()
    }
}

pub trait SuccessOfValue<T> {
    fn succeeded(&self, result: &T) -> bool;
}

impl<T> SuccessOfValue<T> for Probe<T> {
    fn succeeded(&self, _: &T) -> bool {
        true
    }
}
