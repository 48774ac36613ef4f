//! A lease that this process holds: it is renewed in the background until it is given back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
};

use async_lock::Mutex;

use super::note::{self, Claim, Note, Token, ended};
use crate::{
    backend::{Change, Store, UnixMillis},
    clock,
    error::Error,
    flight::{slot::Flight, timer::Alarm, wait::block_on},
    space::{Face, Stores, face::in_background, tier::LiveTier},
};

/// What expires then has expired.
const LONG_AGO: UnixMillis = 0;

/// The right to run a body for all processes. Dropping it gives it back: on a thread before that returns.
pub(crate) struct Lease(Option<Arc<Held>>);

/// What its renewals share with it.
struct Held {
    stores: Arc<Stores>,
    tier: Arc<LiveTier>,
    /// The key under which it stands.
    place: Vec<u8>,
    face: Face,
    flight: Arc<Flight>,
    /// The run brings nothing that others can use.
    is_fruitless: AtomicBool,
    /// None once it was given back, or lost. Who changes what stands in the store holds this lock.
    claim: Mutex<Option<Renewed>>,
}

/// What stands in the store, and when it is to be renewed.
struct Renewed {
    claim: Claim,
    _alarm: Alarm,
}

impl Lease {
    /// It has been put down at its place.
    pub(super) fn new(
        (stores, tier, place): (Arc<Stores>, Arc<LiveTier>, Vec<u8>),
        face: Face,
        flight: Arc<Flight>,
        claim: Claim,
    ) -> Self {
        let is_fruitless = AtomicBool::new(false);
        let held = Arc::new(Held { stores, tier, place, face, flight, is_fruitless, claim: Mutex::new(None) });
        if let Some(mut standing) = held.claim.try_lock() {
            *standing = Some(held.renewed(claim));
        }
        Self(Some(held))
    }

    /// Others who wait for this run are to run the body themselves, all at once: waiting for each other, they would come to
    /// nothing one after the other.
    pub(crate) fn brings_nothing(&self) {
        if let Some(held) = &self.0 {
            held.is_fruitless.store(true, Ordering::Relaxed);
        }
    }

    /// Gives it back.
    pub(crate) async fn give_back(mut self) {
        if let Some(held) = self.0.take() {
            held.give_back().await;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(held) = self.0.take() else { return };
        match held.face {
            Face::Thread => block_on(held.give_back()),
            Face::Task => drop(in_background(async move { held.give_back().await })),
        }
    }
}

impl Held {
    /// Has somebody renew it in time.
    fn renewed(self: &Arc<Self>, claim: Claim) -> Renewed {
        let mut alarm = Alarm::new(clock::now().saturating_add(claim.time / 3));
        let waker = Waker::from(self.clone());
        if alarm.poll(&waker) {
            waker.wake();
        }
        Renewed { claim, _alarm: alarm }
    }

    async fn renew(self: Arc<Self>) {
        let mut standing = self.claim.lock().await;
        let Some(Renewed { mut claim, .. }) = standing.take() else { return };
        // A leading future that nobody polls any more comes to nothing: others may take over.
        if !self.flight.is_stuck() {
            claim.renewals += 1;
            match self.put(&claim).await {
                Ok(true) => {}
                // Another has taken it over.
                Ok(false) => return,
                Err(error) => self.stores.failed(&error),
            }
        }
        *standing = Some(self.renewed(claim));
    }

    /// Says that the holder lives, also where nothing is left of what it said before; `false` if another holds the lease.
    async fn put(&self, claim: &Claim) -> Result<bool, Error> {
        let (token, place) = (claim.token, self.place.clone());
        let expires = Some(claim.expires(clock::unix_now()));
        let put = note::put(claim.bytes(), expires);
        let work = move |store: Store| async move {
            let mut is_ours = false;
            let mut renew = |now: Option<&[u8]>| {
                is_ours = now.is_none_or(|now| is_held_by(token, now));
                if is_ours { put.clone() } else { Change::Keep }
            };
            store.update(&place, &mut renew).await.map(|()| is_ours)
        };
        self.tier.change(Face::Task, work).await
    }

    async fn give_back(&self) {
        // A renewal that is under way comes to its end first, and none comes later.
        let Some(Renewed { claim, .. }) = self.claim.lock().await.take() else { return };
        if let Err(error) = self.take_away(&claim).await {
            self.stores.failed(&error);
        }
    }

    async fn take_away(&self, claim: &Claim) -> Result<(), Error> {
        let (token, place) = (claim.token, self.place.clone());
        let left = |bytes, expires| note::put(bytes, Some(expires));
        let rest = if self.is_fruitless.load(Ordering::Relaxed) {
            left(ended(token), clock::unix_now().saturating_add(claim.time))
        } else if self.tier.has_fences() {
            // A removal would be taken down, and told to others.
            left(Vec::new(), LONG_AGO)
        } else {
            Change::Remove
        };
        let work = move |store: Store| async move {
            let mut leave = |now: Option<&[u8]>| {
                if now.is_some_and(|now| is_held_by(token, now)) { rest.clone() } else { Change::Keep }
            };
            store.update(&place, &mut leave).await
        };
        self.tier.change(self.face, work).await
    }
}

fn is_held_by(token: Token, bytes: &[u8]) -> bool {
    matches!(Note::read(bytes), Some(Note::Held(claim)) if claim.token == token)
}

impl Wake for Held {
    fn wake(self: Arc<Self>) {
        drop(in_background(self.renew()));
    }
}
