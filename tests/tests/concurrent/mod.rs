//! Rows 13, 14; promises 1 to 4: what the concurrency tests share: gates, jobs with numbered runs, a watchdog.
#![allow(dead_code, unused_imports, reason = "every test file uses a part of it")]

use std::{
    fmt,
    future::Future,
    hash::{Hash, Hasher},
    pin::{Pin, pin},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    task::{Context, Poll, Waker},
};

pub(crate) use memo_tests::{soon, within_20_s};
use tokio::sync::Semaphore;

/// Holds bodies until it is opened; for threads and for tasks of any executor.
#[derive(Debug)]
pub(crate) struct Gate(Semaphore);

impl Gate {
    pub(crate) const fn closed() -> Self {
        Self(Semaphore::const_new(0))
    }

    pub(crate) fn open(&self) {
        self.0.close();
    }

    pub(crate) fn wait(&self) {
        smol::block_on(self.pass());
    }

    pub(crate) async fn pass(&self) {
        // There are no permits: it ends when the semaphore is closed.
        assert!(self.0.acquire().await.is_err());
    }
}

/// Opens a gate when a test ends early, so that no thread of its scope is left behind it.
#[derive(Debug)]
pub(crate) struct OpenAtEnd<'a>(pub(crate) &'a Gate);

impl Drop for OpenAtEnd<'_> {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// One key of a test, its runs numbered from 1. Every run waits at its own gate.
#[derive(Debug)]
pub(crate) struct Job {
    id: u64,
    runs: AtomicU64,
    copies: AtomicUsize,
    gates: [Gate; 4],
}

impl Job {
    /// A job whose first runs find their gates closed, as many as said.
    pub(crate) fn new(held: usize) -> &'static Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, SeqCst);
        let gates = [const { Gate::closed() }; 4];
        gates.iter().skip(held).for_each(Gate::open);
        Box::leak(Box::new(Self { id, runs: AtomicU64::new(0), copies: AtomicUsize::new(0), gates }))
    }

    pub(crate) fn key(&'static self) -> Key {
        Key(self)
    }

    pub(crate) fn runs(&self) -> u64 {
        self.runs.load(SeqCst)
    }

    /// Lets the run with this number, the first being 1, go on.
    pub(crate) fn open(&self, run: u64) {
        self.gate(run).open();
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    fn gate(&self, run: u64) -> &Gate {
        let at = usize::try_from(run - 1).unwrap_or(usize::MAX);
        self.gates.get(at).unwrap_or(&self.gates[3])
    }

    /// A body: counts the run, waits at its gate, gives its number.
    pub(crate) fn work(&self) -> u64 {
        let run = self.begin();
        self.gate(run).wait();
        run
    }

    pub(crate) async fn work_async(&self) -> u64 {
        let run = self.begin();
        self.gate(run).pass().await;
        run
    }

    fn begin(&self) -> u64 {
        self.runs.fetch_add(1, SeqCst) + 1
    }

    #[track_caller]
    pub(crate) fn until_runs(&self, runs: u64) {
        soon("as many runs of the body", || self.runs() >= runs);
    }

    /// Waits until so many callers have missed and stand where they lead a run or have joined one.
    ///
    /// A call makes the owned key when it has missed, once it leads or has joined, so the copies of the key count them.
    #[track_caller]
    pub(crate) fn until_missed(&self, callers: usize) {
        soon("as many callers that miss", || self.copies.load(SeqCst) >= callers);
    }
}

/// The key of a [`Job`].
pub(crate) struct Key(&'static Job);

impl Key {
    pub(crate) fn job(&self) -> &'static Job {
        self.0
    }
}

impl Clone for Key {
    fn clone(&self) -> Self {
        self.0.copies.fetch_add(1, SeqCst);
        Self(self.0)
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job {}", self.0.id)
    }
}

/// Polls a future once, by nobody who could be woken.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a future once in the task that awaits this.
pub(crate) async fn polled<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(move |cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Counts a future when it is pending for the first time: then it runs a body or has joined a run.
pub(crate) async fn announced<F: Future>(future: F, pending: &AtomicUsize) -> F::Output {
    let mut future = pin!(future);
    let mut first = true;
    std::future::poll_fn(move |cx| {
        let poll = future.as_mut().poll(cx);
        if poll.is_pending() && std::mem::take(&mut first) {
            pending.fetch_add(1, SeqCst);
        }
        poll
    })
    .await
}

/// A runtime of tokio's with threads.
pub(crate) fn threads(count: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(count).enable_time().build().expect("a runtime")
}

/// A runtime of tokio's on the calling thread.
pub(crate) fn one_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}
