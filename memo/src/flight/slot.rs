//! One flight: a run of a body that others may wait for.

use std::{
    any::Any,
    sync::{Arc, atomic::Ordering},
    task::{Wake, Waker},
};

use super::timer::Alarm;
use crate::{
    clock::{self, Millis},
    freshness::fingerprint::Fingerprint,
    sync::Mutex,
    tags::Tag,
};

/// A leading future that was woken is polled within this many milliseconds, or its followers stop waiting for it and run
/// the body themselves: the last resort against a deadlock out of sight. An executor that is blocked for so long costs
/// a run more.
const STUCK_AFTER: Millis = 1000;

/// After the clearing of so many different sets of tags, a flight counts as hit by all of them.
const MOST_CLEARED: usize = 64;

/// Names a flight among all of the process.
pub(crate) type FlightId = u64;

pub(crate) fn next_id() -> FlightId {
    // Not one of the model checker's atomics: an id is only a name.
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A leader's result, for its followers.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// How a flight ended, as its followers see it.
enum Phase {
    Running,
    /// The result, where it can be shared. Followers that joined at `fence` or later do not take it.
    Landed {
        shared: Option<Shared>,
        fence: u64,
    },
    /// The leader panicked or was cancelled.
    Abandoned,
}

/// What a follower does next.
pub(crate) enum Verdict {
    Wait,
    /// The leader's result.
    Take(Shared),
    /// Ask again from the start: the leader gave up, or its result was invalidated before this follower came.
    Retry,
    /// The result can't be shared: run the body, waiting for nobody.
    RunAlone,
}

struct State {
    phase: Phase,
    followers: u64,
    /// Who to wake when it ends, each under the number of its wait.
    wakers: Vec<(u64, Waker)>,
    /// The sets of tags that were cleared since the start, each with the number of its last clearing in this flight.
    cleared: Vec<(Arc<[Tag]>, u64)>,
    clearings: u64,
}

/// A running body. Its followers wait here; invalidations leave their marks here.
pub(crate) struct Flight {
    pub(crate) id: FlightId,
    /// What the dependency of its value looked like before it began.
    dependency: Option<Fingerprint>,
    state: Mutex<State>,
    progress: Mutex<Progress>,
}

/// The polls of a leading future: they show a leader that its own task holds back.
struct Progress {
    polls: u64,
    /// It is being polled right now.
    polling: bool,
    /// When it was woken, if it was not polled since, by the machine's clock.
    woken: Option<Millis>,
    /// Wakes the followers when that is too long ago.
    watchdog: Option<Alarm>,
    /// The waker of what polls it, and that of the whole task around.
    wakers: Option<(Waker, Waker)>,
}

impl Flight {
    pub(crate) fn new(dependency: Option<Fingerprint>) -> Arc<Self> {
        Arc::new(Self {
            id: next_id(),
            dependency,
            state: Mutex::new(State {
                phase: Phase::Running,
                followers: 0,
                wakers: Vec::new(),
                cleared: Vec::new(),
                clearings: 0,
            }),
            progress: Mutex::new(Progress { polls: 0, polling: false, woken: None, watchdog: None, wakers: None }),
        })
    }

    pub(crate) fn dependency(&self) -> Option<&Fingerprint> {
        self.dependency.as_ref()
    }

    /// A caller joins. The number tells later which clearings it has seen already.
    pub(crate) fn join(&self) -> u64 {
        let mut state = self.state.lock();
        state.followers += 1;
        state.clearings
    }

    /// Has it landed, or been abandoned?
    pub(crate) fn is_over(&self) -> bool {
        !matches!(self.state.lock().phase, Phase::Running)
    }

    pub(crate) fn has_followers(&self) -> bool {
        self.state.lock().followers > 0
    }

    /// The entries with all of these tags were cleared while the body ran; whether its value is one of them is known
    /// only at the end.
    pub(crate) fn note_clearing(&self, tags: &Arc<[Tag]>) {
        let mut state = self.state.lock();
        state.clearings += 1;
        let number = state.clearings;
        // The latest first: who clears in a loop clears the same.
        let known = state.cleared.iter().rposition(|(set, _)| set == tags);
        match known {
            Some(at) => state.cleared[at].1 = number,
            None if state.cleared.len() < MOST_CLEARED => state.cleared.push((tags.clone(), number)),
            // The set without tags is part of every other.
            None => state.cleared = vec![(Arc::from([]), number)],
        }
    }

    /// The number of the last clearing that hits a value with these tags, 0 if there was none since the start.
    pub(crate) fn fence(&self, tags: &[Tag]) -> u64 {
        let state = self.state.lock();
        let hits = |set: &[Tag]| set.iter().all(|tag| tags.contains(tag));
        state.cleared.iter().filter(|(set, _)| hits(set)).map(|(_, number)| *number).max().unwrap_or(0)
    }

    /// The body returned.
    pub(crate) fn land(&self, shared: Option<Shared>, fence: u64) {
        // A follower that joined at or after clearing number `fence` came later than that clearing.
        let fence = if fence == 0 { u64::MAX } else { fence };
        self.end(Phase::Landed { shared, fence });
    }

    /// The body panicked, or its future was dropped.
    pub(crate) fn abandon(&self) {
        self.end(Phase::Abandoned);
    }

    fn end(&self, phase: Phase) {
        let mut state = self.state.lock();
        state.phase = phase;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        for (_, waker) in wakers {
            waker.wake();
        }
        let mut progress = self.progress.lock();
        let (watchdog, wakers) = (progress.watchdog.take(), progress.wakers.take());
        drop(progress);
        drop((watchdog, wakers));
    }

    /// What a follower who joined at `joined` does now. If it has to wait, `waker` (its wait's number with it) is
    /// woken when the flight ends.
    pub(crate) fn poll(&self, joined: u64, wait: u64, waker: &Waker) -> Verdict {
        let mut state = self.state.lock();
        match &state.phase {
            Phase::Running => {
                let mut replaced = None;
                match state.wakers.iter_mut().find(|(number, _)| *number == wait) {
                    Some((_, known)) if known.will_wake(waker) => {}
                    Some((_, known)) => replaced = Some(std::mem::replace(known, waker.clone())),
                    None => state.wakers.push((wait, waker.clone())),
                }
                // A waker may be the last that holds a task.
                drop(state);
                drop(replaced);
                Verdict::Wait
            }
            Phase::Abandoned => Verdict::Retry,
            Phase::Landed { fence, .. } if joined >= *fence => Verdict::Retry,
            Phase::Landed { shared: Some(shared), .. } => Verdict::Take(shared.clone()),
            Phase::Landed { shared: None, .. } => Verdict::RunAlone,
        }
    }

    /// A follower stops waiting.
    pub(crate) fn leave(&self, wait: u64) {
        let mut state = self.state.lock();
        state.followers = state.followers.saturating_sub(1);
        let left = state.wakers.iter().position(|(number, _)| *number == wait);
        let waker = left.map(|at| state.wakers.swap_remove(at));
        drop(state);
        drop(waker);
    }

    /// The leading future is about to be polled in `task`, by the owner of `waker`.
    pub(crate) fn polled(&self, task: &Waker, waker: &Waker) {
        let mut progress = self.progress.lock();
        progress.polls += 1;
        progress.polling = true;
        progress.woken = None;
        let watchdog = progress.watchdog.take();
        let known = matches!(&progress.wakers, Some((of, root)) if of.will_wake(waker) && root.will_wake(task));
        let replaced = if known { None } else { progress.wakers.replace((waker.clone(), task.clone())) };
        drop(progress);
        drop((watchdog, replaced));
    }

    /// The poll is over; if the leader was woken meanwhile, its time to be polled again begins now.
    pub(crate) fn poll_ended(self: &Arc<Self>) {
        let mut progress = self.progress.lock();
        progress.polling = false;
        if progress.woken.is_some() {
            progress.woken = Some(clock::machine());
            drop(progress);
            self.watch();
        }
    }

    /// Something that the leading future waits for woke it: passes it on.
    pub(crate) fn leader_woken(self: &Arc<Self>) {
        let mut progress = self.progress.lock();
        if progress.woken.is_none() {
            progress.woken = Some(clock::machine());
        }
        let waker = progress.wakers.as_ref().map(|(waker, _)| waker.clone());
        drop(progress);
        self.watch();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Has somebody look after a leader that was woken, if others wait for it: whoever should poll it may hold it back
    /// and wait for something that waits for it, out of our sight.
    pub(crate) fn watch(self: &Arc<Self>) {
        if !self.has_followers() {
            return;
        }
        let mut progress = self.progress.lock();
        if let (Some(woken), None, false) = (progress.woken, &progress.watchdog, progress.polling) {
            let left = woken.saturating_add(STUCK_AFTER).saturating_sub(clock::machine());
            let mut alarm = Alarm::new(clock::now().saturating_add(left));
            alarm.poll(&Waker::from(Arc::new(Followers(self.clone()))));
            progress.watchdog = Some(alarm);
        }
    }

    /// Was the leader woken so long ago, and not polled since, that nobody seems to be going to?
    pub(crate) fn is_stuck(&self) -> bool {
        let progress = self.progress.lock();
        let since = progress.woken.filter(|_| !progress.polling);
        since.is_some_and(|woken| clock::machine().saturating_sub(woken) >= STUCK_AFTER)
    }

    /// Wakes the followers; the flight goes on.
    fn wake_followers(&self) {
        let wakers: Vec<_> = self.state.lock().wakers.iter().map(|(_, waker)| waker.clone()).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The number of the leader's polls, if it belongs to `task` and was woken since the last of them.
    pub(crate) fn idle_in(&self, task: &Waker) -> Option<u64> {
        let progress = self.progress.lock();
        let (_, root) = progress.wakers.as_ref()?;
        (progress.woken.is_some() && root.will_wake(task)).then_some(progress.polls)
    }
}

/// Stands for the followers of a flight.
struct Followers(Arc<Flight>);

impl Wake for Followers {
    fn wake(self: Arc<Self>) {
        self.0.wake_followers();
    }
}
