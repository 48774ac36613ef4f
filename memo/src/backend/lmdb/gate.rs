//! Who uses the map, so that it is replaced only while nobody does.
//!
//! A lock of many readers and one writer, in lanes: threads spread over them, so that readers on different cores do not
//! take turns on one line of memory. Whoever closes the gate locks all lanes. Each lane leads to what is behind the gate.

use std::{
    array,
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::{MappedRwLockReadGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

const LANES: usize = 16;

/// What is behind it may be missing.
#[derive(Debug)]
pub(super) struct Gate<T>([Lane<T>; LANES]);

#[derive(Debug)]
#[repr(align(128))]
struct Lane<T>(RwLock<Option<Arc<T>>>);

/// While it lives, what is behind the gate stays.
pub(super) type Inside<'g, T> = MappedRwLockReadGuard<'g, T>;

/// While it lives, nobody is inside.
pub(super) struct Closed<'g, T>([RwLockWriteGuard<'g, Option<Arc<T>>>; LANES]);

impl<T> Default for Gate<T> {
    fn default() -> Self {
        Self(array::from_fn(|_| Lane(RwLock::default())))
    }
}

impl<T> Gate<T> {
    /// `None` if there is nothing behind it.
    #[inline]
    pub(super) fn enter(&self) -> Option<Inside<'_, T>> {
        RwLockReadGuard::try_map(self.0[lane()].0.read(), Option::as_deref).ok()
    }

    /// Waits until everybody has left. Not to be called from inside.
    pub(super) fn close(&self) -> Closed<'_, T> {
        // All close in the same order.
        Closed(self.0.each_ref().map(|lane| lane.0.write()))
    }
}

impl<T> Closed<'_, T> {
    /// What is behind the gate.
    pub(super) fn content(&self) -> Option<&T> {
        self.0[0].as_deref()
    }

    /// Drops it, and puts this in its place.
    pub(super) fn replace(&mut self, content: Option<T>) {
        let content = content.map(Arc::new);
        self.0.iter_mut().for_each(|lane| lane.clone_from(&content));
    }
}

/// The lane of this thread.
#[inline]
fn lane() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    // In a destructor of the thread's end any lane will do.
    MINE.try_with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % LANES);
        }
        mine.get()
    })
    .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Barrier, atomic::AtomicBool},
        thread,
    };

    use super::*;

    #[test]
    fn nobody_is_inside_while_it_is_closed() {
        let (gate, closed, start) = (Gate::<usize>::default(), AtomicBool::new(false), Barrier::new(4));
        let done = AtomicBool::new(false);
        // Nobody is inside of a gate with nothing behind it.
        gate.close().replace(Some(0));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    start.wait();
                    let mut last = 0;
                    while !done.load(Ordering::Relaxed) {
                        let inside = gate.enter();
                        assert!(!closed.load(Ordering::SeqCst), "entered while it was closed");
                        let round = inside.map_or(0, |inside| *inside);
                        assert!(round >= last, "what was replaced is gone from all lanes");
                        last = round;
                    }
                });
            }
            start.wait();
            for round in 1..=200 {
                let mut closing = gate.close();
                closed.store(true, Ordering::SeqCst);
                thread::yield_now();
                closing.replace(Some(round));
                closed.store(false, Ordering::SeqCst);
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(gate.close().content(), Some(&200));
    }
}
