//! Who runs inside whom, and who waits for whom: what it takes to see that a wait would never end.
//!
//! Every thread keeps the chain of flights whose bodies it is running (for a future: while it is polled). A wait
//! adds edges from all flights of the waiter's chain to the flight it waits for; a wait whose edge would close a
//! cycle is not begun, its caller runs the body inline. Checking and adding happen under one lock, so that of
//! several callers that close a cycle together at least one sees it.

use std::{
    cell::RefCell,
    collections::HashMap,
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use super::slot::FlightId;
use crate::sync::{Mutex, per_thread};

per_thread! {
    static CHAIN: RefCell<Vec<FlightId>> = RefCell::new(Vec::new());
}

/// Marks the calling thread as running these flights' bodies until it is dropped.
pub(crate) struct Inside {
    added: usize,
}

impl Inside {
    pub(crate) fn enter(flights: &[FlightId]) -> Self {
        // On a thread that is ending there is no chain any more, and nobody who could wait for it.
        let entered = CHAIN.try_with(|chain| chain.borrow_mut().extend_from_slice(flights));
        Self { added: if entered.is_ok() { flights.len() } else { 0 } }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = CHAIN.try_with(|chain| {
            let mut chain = chain.borrow_mut();
            let rest = chain.len() - self.added;
            chain.truncate(rest);
        });
    }
}

/// The flights whose bodies the calling thread is running.
fn chain() -> Vec<FlightId> {
    CHAIN.try_with(|chain| chain.borrow().clone()).unwrap_or_default()
}

/// Edges from a flight to those that something inside it waits for: one for each wait, so two if two of its branches wait
/// for the same.
type Edges = HashMap<FlightId, Vec<FlightId>>;

#[cfg(not(shuttle))]
static EDGES: Mutex<Option<Edges>> = Mutex::new(None);

#[cfg(not(shuttle))]
fn with_edges<T>(f: impl FnOnce(&mut Edges) -> T) -> T {
    f(EDGES.lock().get_or_insert_default())
}

#[cfg(shuttle)]
fn with_edges<T>(f: impl FnOnce(&mut Edges) -> T) -> T {
    shuttle::lazy_static! {
        static ref EDGES: Mutex<Edges> = Mutex::new(Edges::new());
    }
    f(&mut EDGES.lock())
}

/// A wait whose edges stand until it is dropped.
#[derive(Debug)]
pub(crate) struct Edge {
    from: Vec<FlightId>,
    to: FlightId,
}

impl Edge {
    /// Begins the caller's wait for a flight, unless it would never end.
    pub(crate) fn begin(to: FlightId) -> Option<Self> {
        let from = chain();
        if from.is_empty() {
            // Nobody waits for a caller that runs no body: no cycle can go through it.
            return Some(Self { from, to });
        }
        with_edges(|edges| {
            if reaches(edges, to, &from) {
                return None;
            }
            for flight in &from {
                edges.entry(*flight).or_default().push(to);
            }
            Some(Self { from, to })
        })
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        if self.from.is_empty() {
            return;
        }
        with_edges(|edges| {
            for flight in &self.from {
                let Some(targets) = edges.get_mut(flight) else { continue };
                if let Some(at) = targets.iter().position(|target| *target == self.to) {
                    targets.swap_remove(at);
                }
                if targets.is_empty() {
                    edges.remove(flight);
                }
            }
        });
    }
}

/// Does `start`, or something it waits for, stand in the caller's chain?
fn reaches(edges: &Edges, start: FlightId, chain: &[FlightId]) -> bool {
    // Those before `at` were looked at, the others are still to be.
    let (mut seen, mut at) = (vec![start], 0);
    while let Some(flight) = seen.get(at) {
        if chain.contains(flight) {
            return true;
        }
        for next in edges.get(flight).into_iter().flatten() {
            if !seen.contains(next) {
                seen.push(*next);
            }
        }
        at += 1;
    }
    false
}

/// The memoized calls that the calling thread is inside of, to be carried to another thread or task.
///
/// The library sees by itself that a body waits for its own key, directly or around a cycle of threads. What it
/// can't see is work that a body hands to another thread or task and then waits for. Carry the context over, and
/// that work counts as part of the body:
///
/// ```
/// use memo::memoize;
///
/// #[memoize]
/// fn tree(depth: u32) -> u32 {
///     if depth == 0 {
///         return 1;
///     }
///     let context = memo::context();
///     std::thread::scope(|scope| {
///         let left = scope.spawn(|| context.enter(|| tree(depth - 1)));
///         left.join().unwrap() + tree(depth - 1)
///     })
/// }
///
/// assert_eq!(tree(5), 32);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Context {
    chain: Vec<FlightId>,
}

/// The context of the calling thread: see [`Context`].
pub fn context() -> Context {
    Context { chain: chain() }
}

impl Context {
    /// Runs a closure as part of the calls that the context was taken in.
    pub fn enter<T>(&self, f: impl FnOnce() -> T) -> T {
        let _inside = Inside::enter(&self.chain);
        f()
    }

    /// Makes a future part of the calls that the context was taken in.
    pub fn wrap<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        InContext { context: self.clone(), future: Box::pin(future) }
    }
}

struct InContext<F> {
    context: Context,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let future = this.future.as_mut();
        this.context.enter(|| future.poll(cx))
    }
}
