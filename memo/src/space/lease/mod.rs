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
    /// When the entry was made that is none, though it is there; 0: there is none such.
    pub(crate) refused: UnixMillis,
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
        let mut watch = match asking.take(&claim, None).await? {
            Ok(lease) => return Ok(asking.taken(lease).await),
            Err(other) => Watch::new(other),
        };
        let mut pause = FIRST_PAUSE;
        loop {
            // Those who wait for the same do not all look at the same time.
            let pauses = pause + Millis::try_from(claim.token % 4).unwrap_or(0) * pause / 8;
            if !wait(pauses, asking.wish.deadline).await {
                return Ok(Leased::TimedOut);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            match watch.see(asking.look().await?, clock::now()) {
                Sight::Gone => return Ok(Leased::Elsewhere),
                Sight::Runs | Sight::Fruitless if asking.has_answer().await => return Ok(Leased::Elsewhere),
                Sight::Runs => {}
                Sight::Fruitless => return Ok(Leased::Aside),
                Sight::Over => {
                    if let Ok(lease) = asking.take(&claim, Some(watch.bytes.clone())).await? {
                        return Ok(asking.taken(lease).await);
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
    /// time. Gives what stands there instead. A lease that was taken for a caller who is gone by then is given back.
    async fn take(&self, claim: &Claim, over: Option<Vec<u8>>) -> Result<Result<Lease, Vec<u8>>, Error> {
        let (stores, tier, face, place) = (self.stores.clone(), self.tier.clone(), self.face, self.place.clone());
        let (flight, claim) = (self.wish.flight.clone(), claim.clone());
        let change = async move {
            let (at, own) = (place.clone(), claim.clone());
            let put = move |store: Store| async move { put_down(&store, &at, &own, over.as_deref()).await };
            Ok(match tier.change(face, put).await? {
                Ok(claim) => Ok(Lease::new((stores, tier, place), face, flight, claim)),
                Err(other) => Err(other),
            })
        };
        self.face.finish(change).await
    }

    /// The lease is there. But between the question for the entry and that, another process may have stored it.
    async fn taken(&self, lease: Lease) -> Leased {
        if !self.has_answer().await {
            return Leased::Here(lease);
        }
        self.face.finish(lease.give_back()).await;
        Leased::Elsewhere
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
        found.ok().flatten().is_some_and(|(_, facts)| facts.created != *refused)
    }
}

/// Puts a claim down in a store; gives it as it stands there, or what holds there instead.
async fn put_down(
    store: &Store,
    place: &[u8],
    claim: &Claim,
    over: Option<&[u8]>,
) -> Result<Result<Claim, Vec<u8>>, Error> {
    let mut standing = Err(Vec::new());
    let mut take = |now: Option<&[u8]>| {
        // One that was given back may still stand there without a word: stores need not forget what has expired.
        let now = now.filter(|now| !now.is_empty());
        let after = match now.map(|now| (now, Note::read(now))) {
            Some((_, Some(Note::Ended(token)))) => Some(token),
            // In this process flights decide: the one that held it stands no more, or belongs to others.
            Some((_, Some(Note::Held(held)))) if is_of_this_process(held.token) => None,
            Some((now, _)) if over != Some(now) => {
                standing = Err(now.to_vec());
                return Change::Keep;
            }
            _ => None,
        };
        let claim = Claim { after, ..claim.clone() };
        let expires = Some(claim.expires(clock::unix_now()));
        let bytes = claim.bytes();
        standing = Ok(claim);
        note::put(bytes, expires)
    };
    store.update(place, &mut take).await?;
    Ok(standing)
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
        let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return Sight::Gone };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flight::wait::block_on;

    const TIME: Millis = 900;

    fn held(token: Token, renewals: u64, after: Option<Token>) -> Vec<u8> {
        Claim { token, renewals, time: TIME, after, key: "f||7|0".to_owned() }.bytes()
    }

    #[test]
    fn a_lease_is_over_after_its_own_time_without_a_change() {
        let mut watch = Watch::new(held(1, 0, None));
        let seen = watch.since;
        assert_eq!(watch.see(Some(held(1, 0, None)), seen + TIME - 1), Sight::Runs);
        assert_eq!(watch.see(Some(held(1, 0, None)), seen + TIME), Sight::Over);
        assert_eq!(watch.see(Some(held(1, 1, None)), seen + TIME), Sight::Runs);
        assert_eq!(watch.bytes, held(1, 1, None));
    }

    #[test]
    fn another_lease_or_none_is_the_end_of_a_run() {
        for end in [None, Some(held(2, 0, None)), Some(held(2, 0, Some(3))), Some(note::ended(3)), Some(b"?".to_vec())]
        {
            assert_eq!(Watch::new(held(1, 0, None)).see(end, 0), Sight::Gone);
        }
        for end in [note::ended(1), held(2, 0, Some(1)), held(2, 9, Some(1))] {
            assert_eq!(Watch::new(held(1, 0, None)).see(Some(end), 0), Sight::Fruitless);
        }
    }

    #[test]
    fn one_that_was_given_back_is_none_wherever_it_still_stands() {
        let store = Store::Blocking(Arc::new(crate::backend::Memory::new()));
        let claim = Claim { token: 7, renewals: 0, time: TIME, after: None, key: "f||7|0".to_owned() };
        let put = || {
            let left = |_: Option<&[u8]>| Change::set(Vec::new());
            block_on(store.update(b"place", &mut { left })).expect("stored");
            block_on(put_down(&store, b"place", &claim, None)).expect("asked")
        };
        assert!(put().is_ok() && put().is_ok());
        assert_eq!(Watch::new(held(1, 0, None)).see(Some(Vec::new()), 0), Sight::Gone);
    }

    #[test]
    fn what_is_not_known_is_over_after_the_usual_time() {
        let mut watch = Watch::new(b"written later".to_vec());
        let seen = watch.since;
        assert_eq!(watch.see(Some(b"written later".to_vec()), seen + super::TIME - 1), Sight::Runs);
        assert_eq!(watch.see(Some(b"written later".to_vec()), seen + super::TIME), Sight::Over);
        assert_eq!(watch.see(Some(b"written anew".to_vec()), seen), Sight::Gone);
    }
}
