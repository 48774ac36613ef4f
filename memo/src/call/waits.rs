//! A call that waits: for another's run, for a store, or for the contents of its cache. Threads block, tasks are polled.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::{
    begin::{Attempt, Outside},
    home::Loading,
    switch,
};
use crate::{
    error::Error,
    flight::wait::{Outcome, Wait, block_on},
    key::Held,
    space::{EntryKey, Face, Read, Space},
};

/// A caller that waits. It borrows nothing of the call.
pub(crate) struct Waits {
    pub(super) held: Held,
    pub(super) hash: u64,
    pub(super) attempt: Attempt,
    pub(super) on: On,
}

/// What a caller waits for.
pub(super) enum On {
    /// Another's run; where the entry stands outside of memory is kept for later.
    Flight(Wait, Option<Outside>),
    /// The answer of a store.
    Store(Reading),
    /// What was saved.
    Contents(Loading),
}

/// A store that is asked by a task.
pub(super) struct Reading {
    space: Arc<Space>,
    key: EntryKey,
    seen: u64,
    /// The question, once it was put.
    asked: Option<Pin<Box<dyn Future<Output = Read> + Send>>>,
}

impl Reading {
    pub(super) fn new(space: Arc<Space>, key: EntryKey, seen: u64) -> Self {
        Self { space, key, seen, asked: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Read> {
        let asked = self.asked.get_or_insert_with(|| {
            let (space, key) = (self.space.clone(), self.key.clone());
            Box::pin(async move { space.read_for_use(Face::Task, &key).await })
        });
        asked.as_mut().poll(cx)
    }
}

/// How a caller's wait has ended.
pub(super) enum Ended {
    Flight(Outcome, Option<Outside>),
    Store(EntryKey, u64, Read),
    Contents(Result<(), Error>),
}

/// A caller whose wait has ended.
pub(crate) struct Waited {
    pub(super) held: Held,
    pub(super) hash: u64,
    pub(super) attempt: Attempt,
    pub(super) ended: Ended,
}

impl Waits {
    /// On a thread.
    pub(crate) fn block(self) -> Waited {
        let Self { held, hash, attempt, on } = self;
        let ended = match on {
            On::Flight(wait, outside) => Ended::Flight(wait.block(), outside),
            On::Store(Reading { space, key, seen, .. }) => {
                let loaded = space.read_here_for_use(&key, space.at_hand(&key));
                Ended::Store(key, seen, loaded)
            }
            On::Contents(loading) => {
                // The hooks that bring them in may call memoized functions, which the mode of this call is not for.
                let _mode = switch::set_aside();
                Ended::Contents(block_on(loading))
            }
        };
        Waited { held, hash, attempt, ended }
    }

    /// In a task.
    pub(crate) fn poll(waits: &mut Option<Self>, cx: &mut Context<'_>) -> Poll<Waited> {
        enum Answered {
            Flight(Outcome),
            Store(Read),
            Contents(Result<(), Error>),
        }
        let answered = match &mut waits.as_mut().expect("a future is not polled after its end").on {
            On::Flight(wait, _) => Answered::Flight(ready!(wait.poll_in_task(cx))),
            On::Store(reading) => Answered::Store(ready!(reading.poll(cx))),
            On::Contents(loading) => Answered::Contents(ready!(loading.as_mut().poll(cx))),
        };
        let Self { held, hash, attempt, on } = waits.take().expect("it was there a moment ago");
        let ended = match (answered, on) {
            (Answered::Flight(outcome), On::Flight(_, outside)) => Ended::Flight(outcome, outside),
            (Answered::Store(loaded), On::Store(Reading { key, seen, .. })) => Ended::Store(key, seen, loaded),
            (Answered::Contents(loaded), On::Contents(_)) => Ended::Contents(loaded),
            _ => unreachable!("it answers what was asked"),
        };
        Poll::Ready(Waited { held, hash, attempt, ended })
    }
}
