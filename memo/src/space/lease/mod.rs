//! Leases: one run of a body for all processes that share a store. Who is about to run it puts a lease down in the last tier, beside
//! the entries; others who find one wait until it is given back, or over.
//!
//! A lease is over when its bytes have not changed for its time, by the clock of whoever waits. No clocks are compared.

mod held;
mod note;

use std::sync::Arc;

pub(crate) use held::Lease;
use note::{Claim, Note, Token};

use super::{EntryKey, Face, Stores, tier::LiveTier};
use crate::{
    backend::{Change, Store, UnixMillis},
    clock::{self, Millis},
    error::Error,
    flight::{slot::Flight, timer},
    owner_only::unique,
};

/// How long a lease lasts that nobody renews, where the URL does not say it.
pub(super) const TIME: Millis = 10_000;
/// It may say this at least: a lease is looked at by others so often.
pub(super) const SHORTEST_TIME: Millis = LONGEST_PAUSE;

/// How long others wait before they look again; twice as long after each time, up to the longest.
const FIRST_PAUSE: Millis = 5;
const LONGEST_PAUSE: Millis = 100;

/// What became of the wish to run a body.
pub(crate) enum Leased {
    /// It is to be run, and others wait.
    Here(Lease),
    /// Another process has run it, or stored a value: the stores are to be asked again.
    Elsewhere,
    /// Another process has run it, and has nothing for others: it is to be run beside others.
    Aside,
    /// The store can't be asked: it is to be run all the same.
    Failed,
    /// The deadline came first.
    TimedOut,
}

/// Who wants to run a body.
pub(crate) struct Wish {
    pub(crate) key: EntryKey,
    pub(crate) flight: Arc<Flight>,
    pub(crate) deadline: Option<Millis>,
    /// Is an entry that is there by then an answer?
    pub(crate) looks: bool,
    /// When the entry was made that is none, though it is there.
    pub(crate) refused: Option<UnixMillis>,
}

impl Stores {
    /// Takes the lease of an entry, if nobody else has it; else waits. What fails is counted here.
    pub(crate) async fn lease(self: Arc<Self>, face: Face, wish: Wish) -> Leased {
        self.try_lease(face, wish).await.unwrap_or_else(|error| {
            self.failed(&error);
            Leased::Failed
        })
    }

    async fn try_lease(self: &Arc<Self>, face: Face, wish: Wish) -> Result<Leased, Error> {
        let Some(tier) = self.tiers.all()?.last() else { return Ok(Leased::Aside) };
        tier.store(face).await?;
        if !tier.can_lease() {
            return self.cannot_lease(tier);
        }
        let asking = Asking { stores: self, tier, face, place: wish.key.lease(), wish };
        let claim = Claim::new(unique(), tier.terms().lease, &asking.wish.key);
        let Some(other) = asking.take(&claim, None).await? else { return asking.taken(claim).await };
        let (mut watch, mut pause) = (Watch::new(other), FIRST_PAUSE);
        loop {
            // Those who wait for the same do not all look at the same time.
            let pauses = pause + Millis::try_from(claim.token % 4).unwrap_or(0) * pause / 8;
            if !wait(pauses, asking.wish.deadline).await {
                return Ok(Leased::TimedOut);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            match watch.see(asking.look().await?, clock::now()) {
                Sight::Runs if asking.has_answer().await => return Ok(Leased::Elsewhere),
                Sight::Runs => {}
                Sight::Gone => return Ok(Leased::Elsewhere),
                Sight::Fruitless => return Ok(Leased::Aside),
                Sight::Over => {
                    if asking.take(&claim, Some(watch.bytes.clone())).await?.is_none() {
                        return asking.taken(claim).await;
                    }
                }
            }
        }
    }

    /// Counted and told once: it will never be different.
    #[cold]
    fn cannot_lease(&self, tier: &LiveTier) -> Result<Leased, Error> {
        if self.is_known_to_lease_nothing.set(()).is_err() {
            return Ok(Leased::Aside);
        }
        let name = tier.name();
        Err(Error::unsupported(format!(
            "`single_flight = \"distributed\"` needs a store that reads and writes in one step, which a `{name}` store does not: bodies run once per process"
        )))
    }
}

/// Waits for so long, or until the deadline; `false` if that has come.
async fn wait(pause: Millis, deadline: Option<Millis>) -> bool {
    let (now, deadline) = (clock::now(), deadline.unwrap_or(clock::NEVER));
    if deadline <= now {
        return false;
    }
    timer::until(now.saturating_add(pause).min(deadline)).await;
    true
}

/// Asks the store of a tier about a lease.
struct Asking<'a> {
    stores: &'a Arc<Stores>,
    tier: &'a Arc<LiveTier>,
    face: Face,
    place: Vec<u8>,
    wish: Wish,
}

impl Asking<'_> {
    /// Puts a claim down where there is none that holds: none by a process that lives, if `over` is what stood there all the
    /// time. Gives what stands there instead.
    async fn take(&self, claim: &Claim, over: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, Error> {
        let (place, claim) = (self.place.clone(), claim.clone());
        let work = move |store: Store| async move {
            let mut other = None;
            let mut take = |now: Option<&[u8]>| {
                let is_over = now.is_some() && now == over.as_deref();
                let after = match now.map(|now| (now, Note::read(now))) {
                    Some((_, Some(Note::Ended(token)))) => Some(token),
                    // In this process flights decide: the one that held it stands no more, or belongs to others.
                    Some((_, Some(Note::Held(held)))) if is_of_this_process(held.token) => None,
                    Some((now, _)) if !is_over => {
                        other = Some(now.to_vec());
                        return Change::Keep;
                    }
                    _ => None,
                };
                other = None;
                let claim = Claim { after, ..claim.clone() };
                let expires = Some(claim.expires(clock::unix_now()));
                Change::Set { bytes: claim.bytes(), expires, tags: Vec::new() }
            };
            store.update(&place, &mut take).await?;
            Ok(other)
        };
        self.tier.ask(self.face, work).await
    }

    /// The claim stands. But between the question for the entry and that, another process may have stored it.
    async fn taken(self, claim: Claim) -> Result<Leased, Error> {
        let has_answer = self.has_answer().await;
        let Self { stores, tier, face, place, wish } = self;
        let lease = Lease::new((stores.clone(), tier.clone(), place), face, wish.flight, claim);
        if !has_answer {
            return Ok(Leased::Here(lease));
        }
        lease.give_back().await;
        Ok(Leased::Elsewhere)
    }

    /// What stands where the lease is.
    async fn look(&self) -> Result<Option<Vec<u8>>, Error> {
        let place = self.place.clone();
        self.tier.ask(self.face, move |store| async move { store.get(&place).await }).await
    }

    /// Is the entry there? It may be without the lease being given back: whoever stored it was killed, or set it by hand.
    async fn has_answer(&self) -> bool {
        let Wish { key, looks, refused, .. } = &self.wish;
        if !looks {
            return false;
        }
        let found = self.stores.read_tier(self.face, self.tier, key).await;
        found.ok().flatten().is_some_and(|(_, facts)| Some(facts.created) != *refused)
    }
}

/// Was it made by this process? It has one upper half for all.
fn is_of_this_process(token: Token) -> bool {
    token >> 64 == unique() >> 64
}

/// A lease of another, as one sees it who waits.
struct Watch {
    bytes: Vec<u8>,
    /// None if the bytes say nothing that is known here.
    token: Option<Token>,
    /// After so long without a change it is over.
    time: Millis,
    /// When the bytes were first seen.
    since: Millis,
}

/// What another look at a lease says of the run that it stands for.
#[derive(Debug, PartialEq, Eq)]
enum Sight {
    /// It goes on.
    Runs,
    /// Its process is gone, it seems.
    Over,
    /// It has ended, or was taken over: there may be a value now.
    Gone,
    /// It has ended, and there is no value.
    Fruitless,
}

impl Watch {
    fn new(bytes: Vec<u8>) -> Self {
        let (note, since) = (Note::read(&bytes), clock::now());
        let time = Note::time(note.as_ref());
        let token = match note {
            Some(Note::Held(claim)) => Some(claim.token),
            _ => None,
        };
        Self { bytes, token, time, since }
    }

    fn see(&mut self, bytes: Option<Vec<u8>>, now: Millis) -> Sight {
        let Some(bytes) = bytes else { return Sight::Gone };
        if bytes == self.bytes {
            return if now.saturating_sub(self.since) < self.time { Sight::Runs } else { Sight::Over };
        }
        match (Note::read(&bytes), self.token) {
            (Some(Note::Held(claim)), Some(own)) if claim.token == own => {
                *self = Self::new(bytes);
                Sight::Runs
            }
            (Some(Note::Ended(token) | Note::Held(Claim { after: Some(token), .. })), Some(own)) if token == own => {
                Sight::Fruitless
            }
            _ => Sight::Gone,
        }
    }
}
