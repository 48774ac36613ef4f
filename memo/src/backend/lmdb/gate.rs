//! Who uses the map, so that it is replaced only while nobody does.
//!
//! A lock of many readers and one writer, in lanes: threads spread over them, so that readers on different cores do not
//! take turns on one line of memory. Whoever closes the gate locks all lanes.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

const LANES: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Gate([Lane; LANES]);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Lane(RwLock<()>);

/// While it lives, the map stays.
pub(super) struct Inside<'g> {
    _lane: RwLockReadGuard<'g, ()>,
}

/// While it lives, nobody is inside.
pub(super) struct Closed<'g> {
    _lanes: [RwLockWriteGuard<'g, ()>; LANES],
}

impl Gate {
    #[inline]
    pub(super) fn enter(&self) -> Inside<'_> {
        Inside { _lane: self.0[lane()].0.read() }
    }

    /// Waits until everybody has left. Not to be called from inside.
    pub(super) fn close(&self) -> Closed<'_> {
        // All close in the same order.
        Closed { _lanes: self.0.each_ref().map(|lane| lane.0.write()) }
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
        let (gate, closed, start) = (Gate::default(), AtomicBool::new(false), Barrier::new(4));
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    start.wait();
                    while !done.load(Ordering::Relaxed) {
                        let _inside = gate.enter();
                        assert!(!closed.load(Ordering::SeqCst), "entered while it was closed");
                    }
                });
            }
            start.wait();
            for _ in 0..200 {
                let _closed = gate.close();
                closed.store(true, Ordering::SeqCst);
                thread::yield_now();
                closed.store(false, Ordering::SeqCst);
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
