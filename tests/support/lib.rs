//! What several tests share.

pub mod children;
pub mod faults;
pub mod files;
pub mod inside;
pub mod listening;
pub mod lmdb;
pub mod moody;
pub mod servers;
pub mod sqlite;
pub mod wire;

use std::{
    panic::resume_unwind,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

/// A number that no other call returned: a body that returns it shows by its value whether it ran. The numbers are far
/// apart, so that sums of one of them and a small number are different, too.
pub fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed) << 20
}

/// Hits, misses and size: what most tests ask of the statistics.
pub fn counts<F>(function: F) -> (u64, u64, u64) {
    let info = memo::cache_info(function);
    (info.hits, info.misses, info.size)
}

/// Waits for something that another thread does.
pub fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        thread::yield_now();
    }
}

/// Waits for something that others do in their own time: threads, or other processes.
///
/// # Panics
/// If it has not come about after 15 seconds, with the words for it.
#[track_caller]
pub fn soon(what: &str, done: impl FnMut() -> bool) {
    in_time(Duration::from_secs(15), what, done);
}

/// The same with a patience of one's own.
///
/// # Panics
/// If it has not come about by then, with the words for it.
#[track_caller]
pub fn in_time(patience: Duration, what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + patience;
    until(|| {
        assert!(Instant::now() < end, "never came about: {what}");
        done()
    });
}

/// Runs a test on a thread of its own: a deadlock or a lost wake-up is a failure, not a hang.
///
/// # Panics
/// If the test does, or has not ended after 20 seconds.
pub fn within_20_s<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = mpsc::channel();
    let runner = thread::spawn(move || {
        let result = test();
        done.send(()).ok();
        result
    });
    match ended.recv_timeout(Duration::from_secs(20)) {
        Err(RecvTimeoutError::Timeout) => panic!("still waiting after 20 s: a deadlock or a lost wake-up"),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => runner.join().unwrap_or_else(|panic| resume_unwind(panic)),
    }
}
