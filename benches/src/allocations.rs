//! Counts allocations and live bytes, per thread: no contender has others allocate for it.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use crate::contenders::Contender;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn count(allocations: u64, bytes: i64) {
    // Neither cell has a destructor, so both outlive everything that a thread frees.
    let _ = ALLOCATIONS.try_with(|all| all.set(all.get() + allocations));
    let _ = LIVE.try_with(|live| live.set(live.get() + bytes));
}

fn signed(size: usize) -> i64 {
    size as i64
}

// SAFETY: every call goes to `System` unchanged; counting neither allocates nor unwinds.
#[expect(unsafe_code, reason = "an allocator can't be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, signed(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc`, which is the same there.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, -signed(layout.size()));
        // SAFETY: the block came from `System`, with this layout.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, signed(size) - signed(layout.size()));
        // SAFETY: the block came from `System`, with this layout; the caller answers for `size`.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Allocations per call, once the contender is warm.
pub fn per_call(contender: &Contender) -> f64 {
    const CALLS: u64 = 100_000;
    contender.run(CALLS);
    let before = ALLOCATIONS.get();
    contender.run(CALLS);
    (ALLOCATIONS.get() - before) as f64 / CALLS as f64
}

/// Bytes that stay allocated per call of a contender that stores something new each time. It is made here, since some
/// take their memory when they are made.
pub fn bytes_per_call(make: impl FnOnce() -> Option<Contender>, calls: u64) -> Option<f64> {
    let before = LIVE.get();
    let contender = make()?;
    contender.run(calls);
    Some((LIVE.get() - before) as f64 / calls as f64)
}
