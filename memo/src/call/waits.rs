//! A call that waits: for another's run, here or in another process, for a store, or for the contents of its cache. Threads
//! block, tasks are polled.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::{
    begin::{Attempt, Outside, Renewal},
    home::{Home, Loading},
    instance::AnyInstance,
    run::Running,
    switch,
};
use crate::{
    error::Error,
    flight::{
        slot::Flight,
        wait::{Leading, Outcome, Wait, block_on},
    },
    key::Held,
    space::{Face, Leased, Read, Space, Wish},
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
    /// The right to run the body for other processes, too.
    Lease(Leasing),
}

/// The leader of a flight, as long as another process may run the body.
pub(super) struct Leasing {
    flight: Arc<Flight>,
    outside: Outside,
    asked: Pin<Box<dyn Future<Output = Leased> + Send>>,
}

impl Leasing {
    pub(super) fn new(space: &Space, outside: Outside, wish: Wish) -> Self {
        let flight = wish.flight.clone();
        let asked = Box::pin(space.stores.clone().lease(outside.face, wish));
        Self { flight, outside, asked }
    }

    /// Followers see whether it is held back, as they do while the body runs.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Leased> {
        Pin::new(&mut Leading { flight: Some(&self.flight), body: Pin::new(&mut self.asked) }).poll(cx)
    }
}

/// A store that is waited for.
pub(super) struct Reading {
    pub(super) space: Arc<Space>,
    pub(super) outside: Outside,
    pub(super) seen: u64,
    /// Only what the time is there: what stands there is of no use.
    is_of_the_time: bool,
    /// What is to be made anew from then on.
    pub(super) renewal: Option<Box<Renewal>>,
    /// The question, once it was put.
    asked: Option<Pin<Box<dyn Future<Output = Read> + Send>>>,
}

impl Reading {
    pub(super) fn new(space: Arc<Space>, outside: Outside, seen: u64) -> Self {
        Self { space, outside, seen, is_of_the_time: false, renewal: None, asked: None }
    }

    pub(super) fn of_the_time(space: Arc<Space>, outside: Outside, seen: u64) -> Self {
        Self { is_of_the_time: true, ..Self::new(space, outside, seen) }
    }

    pub(super) fn to_renew(space: Arc<Space>, outside: Outside, renewal: Renewal) -> Self {
        Self { renewal: Some(Box::new(renewal)), ..Self::of_the_time(space, outside, 0) }
    }

    /// Is it a question for an entry, and nothing else?
    pub(super) fn is_for_an_entry(&self) -> bool {
        !self.is_of_the_time
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Read> {
        let asked = self.asked.get_or_insert_with(|| {
            let (space, key, is_of_the_time) = (self.space.clone(), self.outside.key.clone(), self.is_of_the_time);
            Box::pin(async move {
                if is_of_the_time {
                    return space.stores.present(Face::Task, &key).await;
                }
                space.read_for_use(Face::Task, &key).await
            })
        });
        asked.as_mut().poll(cx)
    }
}

/// How a caller's wait has ended.
pub(super) enum Ended {
    Flight(Outcome, Option<Outside>),
    Store(Outside, u64, Read, Option<Box<Renewal>>),
    Contents(Result<(), Error>),
    Lease(Arc<Flight>, Outside, Leased),
}

/// A caller whose wait has ended.
pub(crate) struct Waited {
    pub(super) held: Held,
    pub(super) hash: u64,
    pub(super) attempt: Attempt,
    pub(super) ended: Ended,
}

impl Waited {
    /// Was it for what has to come in before the call begins?
    pub(super) fn begins(&self) -> bool {
        matches!(self.ended, Ended::Contents(_))
    }
}

impl Waits {
    /// On a thread.
    pub(crate) fn block(self, instance: &AnyInstance) -> Waited {
        let Self { held, hash, attempt, on } = self;
        let ended = match on {
            On::Lease(Leasing { flight, outside, asked }) => {
                let mut leads = Leads { instance, hash, flight: Some(flight) };
                let leased = block_on(asked);
                let flight = leads.flight.take().expect("it is taken once");
                Ended::Lease(flight, outside, leased)
            }
            On::Flight(wait, outside) => Ended::Flight(wait.block(), outside),
            On::Store(Reading { space, outside, seen, is_of_the_time, renewal, .. }) => {
                let loaded = if is_of_the_time {
                    block_on(space.stores.present(Face::Thread, &outside.key))
                } else {
                    space.read_here_for_use(&outside.key, space.at_hand(&outside.key))
                };
                Ended::Store(outside, seen, loaded, renewal)
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
    fn poll(waits: &mut Option<Self>, cx: &mut Context<'_>) -> Poll<Waited> {
        enum Answered {
            Flight(Outcome),
            Store(Read),
            Contents(Result<(), Error>),
            Lease(Leased),
        }
        let answered = match &mut waits.as_mut().expect("a future is not polled after its end").on {
            On::Flight(wait, _) => Answered::Flight(ready!(wait.poll_in_task(cx))),
            On::Store(reading) => Answered::Store(ready!(reading.poll(cx))),
            On::Contents(loading) => Answered::Contents(ready!(loading.as_mut().poll(cx))),
            On::Lease(leasing) => Answered::Lease(ready!(leasing.poll(cx))),
        };
        let Self { held, hash, attempt, on } = waits.take().expect("it was there a moment ago");
        let ended = match (answered, on) {
            (Answered::Flight(outcome), On::Flight(_, outside)) => Ended::Flight(outcome, outside),
            (Answered::Store(loaded), On::Store(Reading { outside, seen, renewal, .. })) => {
                Ended::Store(outside, seen, loaded, renewal)
            }
            (Answered::Contents(loaded), On::Contents(_)) => Ended::Contents(loaded),
            (Answered::Lease(leased), On::Lease(Leasing { flight, outside, .. })) => {
                Ended::Lease(flight, outside, leased)
            }
            _ => unreachable!("it answers what was asked"),
        };
        Poll::Ready(Waited { held, hash, attempt, ended })
    }
}

/// Leads a flight until it is taken out. Else a follower takes over.
struct Leads<'a> {
    instance: &'a AnyInstance,
    hash: u64,
    flight: Option<Arc<Flight>>,
}

impl Drop for Leads<'_> {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            Running::new(self.hash, flight, None, false).abandon(self.instance);
        }
    }
}

/// A caller that waits in its task.
pub(crate) struct InTask<H: Home> {
    home: H,
    waits: Option<Waits>,
}

impl<H: Home> InTask<H> {
    pub(crate) fn new(home: H, waits: Waits) -> Self {
        Self { home, waits: Some(waits) }
    }

    pub(crate) fn home(&self) -> &H {
        &self.home
    }

    pub(super) fn waits(&self) -> Option<&Waits> {
        self.waits.as_ref()
    }

    pub(super) fn take(&mut self) -> Option<Waits> {
        self.waits.take()
    }
}

// Nothing in it is pinned.
impl<H: Home> Unpin for InTask<H> {}

impl<H: Home> Future for InTask<H> {
    type Output = Waited;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Waited> {
        Waits::poll(&mut self.waits, cx)
    }
}

impl<H: Home> Drop for InTask<H> {
    fn drop(&mut self) {
        if let Some(Waits { hash, on: On::Lease(Leasing { flight, .. }), .. }) = self.waits.take() {
            drop(Leads { instance: self.home.instance(), hash, flight: Some(flight) });
        }
    }
}
