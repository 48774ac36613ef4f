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
use std::{future::poll_fn, pin::Pin, task::Poll};

use super::slot::next_id;
use crate::clock::{self, Millis, NEVER};

/// By which time an alarm is set.
#[derive(Clone, Copy, Debug)]
enum Hand {
    /// The process's, which a test may stop: entries and calls live by it.
    Process,
    /// The machine's: by it others are waited for, who know nothing of a test's time.
    #[cfg(feature = "stores")]
    Machine,
}

const HANDS: &[Hand] = &[
    Hand::Process,
    #[cfg(feature = "stores")]
    Hand::Machine,
];

impl Hand {
    fn now(self) -> Millis {
        match self {
            Self::Process => clock::now(),
            #[cfg(feature = "stores")]
            Self::Machine => clock::machine(),
        }
    }

    /// When, by the machine's clock, it is this time; while the time stands still, never.
    fn by_machine(self, at: Millis) -> Millis {
        if matches!(self, Self::Process) && clock::is_frozen() {
            return NEVER;
        }
        clock::machine().saturating_add(at.saturating_sub(self.now()))
    }
}

struct Alarms {
    /// For each hand; sorted by time, the next at the front.
    queues: [VecDeque<((Millis, u64), Waker)>; HANDS.len()],
    /// When the thread looks next by itself, by the machine's clock: an alarm at this time or later need not wake it.
    looks_at: Millis,
}

static ALARMS: Mutex<Alarms> = Mutex::new(Alarms { queues: [const { VecDeque::new() }; HANDS.len()], looks_at: 0 });
static CHANGED: Condvar = Condvar::new();

/// Is there the thread? Changes under the lock of the alarms.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// How long the thread stays when there are no alarms: the next one may come soon.
const IDLE: Duration = if cfg!(test) { Duration::from_millis(1) } else { Duration::from_secs(10) };

/// And how long it sleeps at most: while the time stands still, it is woken when that moves.
const LONGEST: Duration = Duration::from_hours(1);

impl Alarms {
    fn queue(&mut self, hand: Hand) -> &mut VecDeque<((Millis, u64), Waker)> {
        &mut self.queues[hand as usize]
    }

    /// Where an alarm stands, or where it belongs.
    fn find(&mut self, alarm: &Alarm) -> Result<usize, usize> {
        self.queue(alarm.hand).binary_search_by(|(at, _)| at.cmp(&alarm.at))
    }

    /// When the next is due, by the machine's clock.
    fn next(&self) -> Option<Millis> {
        let next = |hand: &Hand| self.queues[*hand as usize].front().map(|((at, _), _)| hand.by_machine(*at));
        HANDS.iter().filter_map(next).min()
    }

    fn is_empty(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }

    /// Takes an alarm out whose time has come.
    fn pop_due(&mut self) -> Option<Waker> {
        HANDS.iter().find_map(|hand| {
            let queue = self.queue(*hand);
            queue.front().filter(|((at, _), _)| *at <= hand.now())?;
            queue.pop_front().map(|(_, waker)| waker)
        })
    }

    /// Says when the thread looks next; `false`: there is nothing to look for.
    fn plan(&mut self, now: Millis) -> bool {
        let idle_until = now.saturating_add(clock::millis(IDLE));
        if let Some(next) = self.next() {
            self.looks_at = next;
        } else if !(now + 1..idle_until).contains(&self.looks_at) {
            self.looks_at = idle_until;
            return false;
        }
        // Else as planned for an alarm that was taken back: most are, so the next comes soon, and need not wake the thread.
        true
    }
}

fn alarms() -> MutexGuard<'static, Alarms> {
    ALARMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time to be woken at. Dropping it takes it back.
#[derive(Debug)]
pub(crate) struct Alarm {
    at: (Millis, u64),
    hand: Hand,
}

impl Alarm {
    pub(crate) fn new(at: Millis) -> Self {
        Self { at: (at, next_id()), hand: Hand::Process }
    }

    /// After so long by the machine's clock, which no test stops.
    #[cfg(feature = "stores")]
    fn after(time: Duration) -> Self {
        Self { at: (clock::machine().saturating_add(clock::millis(time)), next_id()), hand: Hand::Machine }
    }

    /// Has the time come? If not, `waker` is woken when it does.
    pub(crate) fn poll(&mut self, waker: &Waker) -> bool {
        if self.hand.now() >= self.at.0 {
            return true;
        }
        let mut alarms = alarms();
        let mut replaced = None;
        match alarms.find(self) {
            Ok(known) => replaced = Some(std::mem::replace(&mut alarms.queue(self.hand)[known].1, waker.clone())),
            Err(place) => alarms.queue(self.hand).insert(place, (self.at, waker.clone())),
        }
        start(&alarms);
        let at = self.hand.by_machine(self.at.0);
        let is_early = at < alarms.looks_at;
        if is_early {
            alarms.looks_at = at;
        }
        drop(alarms);
        drop(replaced);
        if is_early {
            CHANGED.notify_one();
        }
        // The test clock may have moved before the alarm stood.
        self.hand.now() >= self.at.0
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
        let waker = alarms.find(self).ok().and_then(|at| alarms.queue(self.hand).remove(at));
        drop(alarms);
        drop(waker);
    }
}

/// What a future gives, if it does so in time, by the machine's clock: it waits for others. Needs no runtime's timer: the caller may be
/// on any, or on none.
#[cfg(feature = "stores")]
pub(crate) async fn within<T>(time: Duration, mut future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    // What is ready at once needs none.
    let mut alarm = None;
    poll_fn(|cx| {
        if let Poll::Ready(done) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(done));
        }
        let alarm = alarm.get_or_insert_with(|| Alarm::after(time));
        if alarm.poll(cx.waker()) { Poll::Ready(None) } else { Poll::Pending }
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

fn run() {
    let mut alarms = alarms();
    loop {
        if let Some(waker) = alarms.pop_due() {
            drop(alarms);
            waker.wake();
            alarms = self::alarms();
            continue;
        }
        let now = clock::machine();
        let is_needed = alarms.plan(now);
        let pause = Duration::from_millis(alarms.looks_at.saturating_sub(now)).min(LONGEST);
        let (woken, waited) = CHANGED.wait_timeout(alarms, pause).unwrap_or_else(PoisonError::into_inner);
        alarms = woken;
        if !is_needed && waited.timed_out() && alarms.is_empty() {
            RUNNING.store(false, Ordering::Relaxed);
            return;
        }
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

    #[cfg(feature = "stores")]
    #[test]
    fn others_are_waited_for_by_the_time_of_the_machine() {
        let clock = clock::TestClock::install();
        let waits = || {
            let never = std::pin::pin!(std::future::pending::<()>());
            super::super::wait::block_on(within(Duration::from_millis(20), never))
        };
        assert_eq!(waits(), None, "the time stands still, but not for others");
        let begun = Instant::now();
        let waiting = thread::spawn(waits);
        clock.advance(Duration::from_hours(1));
        assert_eq!(waiting.join().expect("no panic"), None);
        assert!(begun.elapsed() >= Duration::from_millis(10), "an hour of a test is no time for others");
    }
}
