//! One flight: a run of a body that others may wait for.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    task::Waker,
};

use crate::{sync::Mutex, tags::Tag};

/// Names a flight among all of the process.
pub(crate) type FlightId = u64;

pub(crate) fn next_id() -> FlightId {
    // Not one of the model checker's atomics: an id is only a name.
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// How a flight ended, as its followers see it.
enum Phase<S> {
    Running,
    /// The result, where it can be shared. Followers that joined at `fence` or later do not take it.
    Landed { shared: Option<S>, fence: u64 },
    /// The leader panicked or was cancelled.
    Abandoned,
}

/// What a follower does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict<R> {
    Wait,
    /// The leader's result.
    Take(R),
    /// Ask again from the start: the leader gave up, or its result was invalidated before this follower came.
    Retry,
    /// The result can't be shared: run the body, waiting for nobody.
    RunAlone,
}

struct State<S> {
    phase: Phase<S>,
    followers: u64,
    /// Who to wake when it ends, each under the number of its wait.
    wakers: Vec<(u64, Waker)>,
    /// The sets of tags that were cleared since the start, each with the number of its last clearing in this flight.
    cleared: HashMap<Arc<[Tag]>, u64>,
    clearings: u64,
}

/// A running body. Its followers wait here; invalidations leave their marks here.
pub(crate) struct Flight<S> {
    pub(crate) id: FlightId,
    state: Mutex<State<S>>,
    progress: Mutex<Progress>,
}

/// The polls of a leading future: they show a leader that its own task holds back.
#[derive(Default)]
struct Progress {
    polls: u64,
    /// It was woken since its last poll.
    woken: bool,
    /// The waker of what polls it, and that of the whole task around.
    wakers: Option<(Waker, Waker)>,
}

impl<S> Flight<S> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            id: next_id(),
            state: Mutex::new(State {
                phase: Phase::Running,
                followers: 0,
                wakers: Vec::new(),
                cleared: HashMap::new(),
                clearings: 0,
            }),
            progress: Mutex::new(Progress::default()),
        })
    }

    /// A caller joins. The number tells later which clearings it has seen already.
    pub(crate) fn join(&self) -> u64 {
        let mut state = self.state.lock();
        state.followers += 1;
        state.clearings
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
        state.cleared.insert(tags.clone(), number);
    }

    /// The number of the last clearing that hits a value with these tags, 0 if there was none since the start.
    pub(crate) fn fence(&self, tags: &[Tag]) -> u64 {
        let state = self.state.lock();
        let hits = |set: &[Tag]| set.iter().all(|tag| tags.contains(tag));
        state.cleared.iter().filter(|(set, _)| hits(set)).map(|(_, number)| *number).max().unwrap_or(0)
    }

    /// The body returned.
    pub(crate) fn land(&self, shared: Option<S>, fence: u64) {
        // A follower that joined at or after clearing number `fence` came later than that clearing.
        let fence = if fence == 0 { u64::MAX } else { fence };
        self.end(Phase::Landed { shared, fence });
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Running)
    }

    /// The body panicked, or its future was dropped.
    pub(crate) fn abandon(&self) {
        self.end(Phase::Abandoned);
    }

    fn end(&self, phase: Phase<S>) {
        let mut state = self.state.lock();
        state.phase = phase;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    /// What a follower who joined at `joined` does now. If it has to wait, `waker` (its wait's number with it) is
    /// woken when the flight ends.
    pub(crate) fn poll<R>(
        &self,
        joined: u64,
        wait: u64,
        waker: &Waker,
        take: impl FnOnce(&S) -> R,
    ) -> Verdict<R> {
        let mut state = self.state.lock();
        match &state.phase {
            Phase::Running => {
                match state.wakers.iter_mut().find(|(number, _)| *number == wait) {
                    Some((_, known)) => known.clone_from(waker),
                    None => state.wakers.push((wait, waker.clone())),
                }
                Verdict::Wait
            }
            Phase::Abandoned => Verdict::Retry,
            Phase::Landed { fence, .. } if joined >= *fence => Verdict::Retry,
            Phase::Landed { shared: Some(shared), .. } => Verdict::Take(take(shared)),
            Phase::Landed { shared: None, .. } => Verdict::RunAlone,
        }
    }

    /// A follower stops waiting.
    pub(crate) fn leave(&self, wait: u64) {
        let mut state = self.state.lock();
        let left = state.wakers.iter().position(|(number, _)| *number == wait);
        let waker = left.map(|at| state.wakers.swap_remove(at));
        drop(state);
        drop(waker);
    }

    /// The leading future is about to be polled in `task`, by the owner of `waker`.
    pub(crate) fn polled(&self, task: &Waker, waker: &Waker) {
        let mut progress = self.progress.lock();
        progress.polls += 1;
        progress.woken = false;
        match &mut progress.wakers {
            Some((known, root)) => {
                known.clone_from(waker);
                root.clone_from(task);
            }
            unknown => *unknown = Some((waker.clone(), task.clone())),
        }
    }

    /// Something that the leading future waits for woke it: passes it on.
    pub(crate) fn leader_woken(&self) {
        let mut progress = self.progress.lock();
        progress.woken = true;
        let waker = progress.wakers.as_ref().map(|(waker, _)| waker.clone());
        drop(progress);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The number of the leader's polls, if it belongs to `task` and was woken since the last of them.
    pub(crate) fn idle_in(&self, task: &Waker) -> Option<u64> {
        let progress = self.progress.lock();
        let (_, root) = progress.wakers.as_ref()?;
        (progress.woken && root.will_wake(task)).then_some(progress.polls)
    }
}
