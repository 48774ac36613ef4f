//! Locking a shard, and knowing that one is locked: the user's `Eq`, `Clone` and `weigh` run under the lock, and a memoized
//! call from in there could wait for the very same.

use std::{
    cell::Cell as Flag,
    ops::{Deref, DerefMut},
};

use super::{Cell, entries::Rows, shard::Shard};
use crate::sync::{RwLockReadGuard, RwLockWriteGuard, per_thread};

per_thread! {
    /// Does this thread hold the lock of a shard?
    static LOCKED: Flag<bool> = Flag::new(false);
}

/// Marks the time in which the user's code runs under a lock of ours. A memoized call from in there goes past the
/// cache.
pub(crate) struct UnderLock {
    before: bool,
}

impl UnderLock {
    #[inline]
    pub(crate) fn enter() -> Self {
        Self { before: LOCKED.try_with(|locked| locked.replace(true)).unwrap_or(true) }
    }

    #[inline]
    pub(crate) fn is_here() -> bool {
        LOCKED.try_with(Flag::get).unwrap_or(false)
    }
}

impl Drop for UnderLock {
    #[inline]
    fn drop(&mut self) {
        let _ = LOCKED.try_with(|locked| locked.set(self.before));
    }
}

/// A shard under its lock. (The lock goes first.)
pub(super) struct Locked<G> {
    guard: G,
    _under: UnderLock,
}

impl<G: Deref> Deref for Locked<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Locked<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

impl Cell<dyn Rows> {
    pub(super) fn read(&self) -> Locked<RwLockReadGuard<'_, Shard<dyn Rows>>> {
        let under = UnderLock::enter();
        Locked { guard: self.shard.read(), _under: under }
    }

    pub(super) fn write(&self) -> Locked<RwLockWriteGuard<'_, Shard<dyn Rows>>> {
        let under = UnderLock::enter();
        Locked { guard: self.shard.write(), _under: under }
    }
}
