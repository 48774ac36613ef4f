//! Wakes waiters at a time: one thread for the process, as long as there are alarms. No async runtime is needed.

use std::{
    collections::VecDeque,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
    thread,
    time::Duration,
};
#[cfg(feature = "stores")]
use std::{future::poll_fn, pin::pin, task::Poll};

use super::slot::next_id;
use crate::clock::{self, Millis};

/// Sorted by time, the next at the front.
type Alarms = VecDeque<((Millis, u64), Waker)>;

static ALARMS: Mutex<Alarms> = Mutex::new(VecDeque::new());
static CHANGED: Condvar = Condvar::new();

/// Is there the thread? Changes under the lock of the alarms.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// How long the thread stays when there are no alarms: the next one may come soon.
const IDLE: Duration = if cfg!(test) { Duration::from_millis(1) } else { Duration::from_secs(10) };

/// Where an alarm stands, or where it belongs.
fn find(alarms: &Alarms, wanted: (Millis, u64)) -> Result<usize, usize> {
    alarms.binary_search_by(|(at, _)| at.cmp(&wanted))
}

fn alarms() -> MutexGuard<'static, Alarms> {
    ALARMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time to be woken at. Dropping it takes it back.
#[derive(Debug)]
pub(crate) struct Alarm {
    at: (Millis, u64),
}

impl Alarm {
    pub(crate) fn new(at: Millis) -> Self {
        Self { at: (at, next_id()) }
    }

    /// Has the time come? If not, `waker` is woken when it does.
    pub(crate) fn poll(&mut self, waker: &Waker) -> bool {
        if clock::now() >= self.at.0 {
            return true;
        }
        let mut alarms = alarms();
        let mut replaced = None;
        match find(&alarms, self.at) {
            Ok(known) => replaced = Some(std::mem::replace(&mut alarms[known].1, waker.clone())),
            Err(place) => alarms.insert(place, (self.at, waker.clone())),
        }
        start(&alarms);
        let is_first = alarms.front().is_some_and(|(at, _)| *at == self.at);
        drop(alarms);
        drop(replaced);
        if is_first {
            CHANGED.notify_one();
        }
        // The test clock may have moved before the alarm stood.
        clock::now() >= self.at.0
    }
}

/// Waits for a time.
#[cfg(feature = "stores")]
pub(crate) async fn until(at: Millis) {
    let mut alarm = Alarm::new(at);
    poll_fn(|cx| if alarm.poll(cx.waker()) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut alarms = alarms();
        let waker = find(&alarms, self.at).ok().and_then(|at| alarms.remove(at));
        drop(alarms);
        drop(waker);
    }
}

/// What a future gives, if it does so in time. Needs no runtime's timer: the caller may be on any, or on none.
#[cfg(feature = "stores")]
pub(crate) async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut alarm = Alarm::new(clock::now().saturating_add(clock::millis(time)));
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if alarm.poll(cx.waker()) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// The time jumped.
fn clock_moved() {
    // Under the lock, or the thread could be between reading the clock and going to sleep.
    let _alarms = alarms();
    CHANGED.notify_one();
}

fn start(_: &MutexGuard<'_, Alarms>) {
    if !RUNNING.swap(true, Ordering::Relaxed) {
        clock::when_moved(clock_moved);
        let started = thread::Builder::new().name("memo-timer".into()).spawn(run);
        // Without the thread, waits have no timeout; the calls themselves still work.
        RUNNING.store(started.is_ok(), Ordering::Relaxed);
    }
}

/// Takes the first alarm out if its time has come.
fn pop_due(alarms: &mut Alarms, now: Millis) -> Option<Waker> {
    let ((at, _), _) = alarms.front()?;
    if *at > now {
        return None;
    }
    alarms.pop_front().map(|(_, waker)| waker)
}

fn run() {
    let mut alarms = alarms();
    loop {
        let now = clock::now();
        if let Some(waker) = pop_due(&mut alarms, now) {
            drop(alarms);
            waker.wake();
            alarms = self::alarms();
            continue;
        }
        alarms = match alarms.front() {
            Some(((at, _), _)) if !clock::is_frozen() => {
                let pause = Duration::from_millis(at - now);
                CHANGED.wait_timeout(alarms, pause).unwrap_or_else(PoisonError::into_inner).0
            }
            Some(_) => CHANGED.wait(alarms).unwrap_or_else(PoisonError::into_inner),
            None => {
                let (alarms, waited) = CHANGED.wait_timeout(alarms, IDLE).unwrap_or_else(PoisonError::into_inner);
                if waited.timed_out() && alarms.is_empty() {
                    RUNNING.store(false, Ordering::Relaxed);
                    return;
                }
                alarms
            }
        };
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::{sync::mpsc, task::Wake, time::Instant};

    use super::*;

    struct Rings(mpsc::Sender<()>);

    impl Wake for Rings {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.send(()).expect("the test waits");
        }
    }

    #[test]
    fn there_is_no_thread_without_alarms_and_one_again_with_the_next() {
        let limit = Instant::now() + Duration::from_secs(20);
        for _ in 0..3 {
            let (send, rings) = mpsc::channel();
            let mut alarm = Alarm::new(clock::now() + 20);
            if !alarm.poll(&std::sync::Arc::new(Rings(send)).into()) {
                rings.recv_timeout(Duration::from_secs(20)).expect("it rings");
            }
            drop(alarm);
            while RUNNING.load(Ordering::Relaxed) {
                assert!(Instant::now() < limit, "the thread stays");
                thread::yield_now();
            }
        }
    }
}
