//! Reading: the first tier that has an entry answers, and those before it get a copy.

use std::sync::Arc;

use super::{
    EntryKey, Face, Loaded, Space, Stores, Turn,
    at_hand::AtHand,
    back::Queued,
    loaded::{Found, Verified, check},
    tally::Tally,
    tier::LiveTier,
};
use crate::{
    backend::{Change, Moment, Store},
    error::Error,
    flight::wait::block_on,
};

/// What the stores answered.
pub(crate) struct Read {
    pub(crate) found: Result<Option<Loaded>, Error>,
    pub(crate) since: Since,
}

/// When the tiers were found to have no entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Since {
    /// By each store's own time: what is removed later keeps out what was computed since. Of tiers that keep no account of removals,
    /// nothing.
    pub(super) moments: Vec<Option<Moment>>,
    /// What memory had heard by then: see [`Near::era`](super::near::Near::era).
    pub(super) era: u64,
}

/// Before all that is taken down.
const LONG_AGO: Moment = 0;

impl Since {
    /// A tier has no entry, at that moment by its own time if it could say so.
    pub(super) fn missed_in(&mut self, tier: usize, moment: Option<Moment>) {
        self.moments.resize(tier, None);
        self.moments.push(moment.or(Some(LONG_AGO)));
    }

    /// When the tiers are known to have had none of several entries.
    pub(super) fn earliest<'s>(several: impl IntoIterator<Item = &'s Self>) -> Self {
        let earlier = |one: Self, other: &Self| {
            let moments = one.moments.iter().zip(&other.moments).map(|(one, other)| (*one).min(*other));
            Self { moments: moments.collect(), era: one.era.min(other.era) }
        };
        let mut several = several.into_iter();
        several.next().cloned().map_or_else(Self::default, |first| several.fold(first, earlier))
    }
}

/// What an entry is read for.
#[derive(Clone, Copy)]
enum Reading<'a> {
    /// A call, which counts, and restarts an entry that slides.
    ForUse(&'a Tally),
    ToSee,
    /// In the turn of its key: it is about to be changed.
    ToChange,
}

impl Stores {
    /// The entry of a key. What fails is counted here. Bytes that do not verify are as good as absent; it is an error if no
    /// tier has the entry and one can't be asked.
    pub(crate) async fn read(self: &Arc<Self>, face: Face, key: &EntryKey) -> Result<Option<Loaded>, Error> {
        self.read_on(face, key, Reading::ToSee, AtHand::nothing(self, key)).await.found
    }

    /// The same in the turn of the key. Nothing is copied into other tiers.
    pub(crate) async fn read_in_turn(
        self: &Arc<Self>,
        face: Face,
        _turn: &Turn,
        key: &EntryKey,
    ) -> Result<Option<Loaded>, Error> {
        self.settle_others(face, &[key]).await?;
        self.read_on(face, key, Reading::ToChange, AtHand::nothing(self, key)).await.found
    }

    async fn read_on(self: &Arc<Self>, face: Face, key: &EntryKey, reading: Reading<'_>, at_hand: AtHand) -> Read {
        let (mut failed, mut since) = (Vec::new(), Since { era: self.near.era(), ..Since::default() });
        let loaded = self.look(face, key, reading, at_hand, (&mut failed, &mut since)).await;
        for error in &failed {
            self.failed(error);
        }
        let down = failed.into_iter().find(is_down);
        let found = match down {
            Some(error) if loaded.is_none() => Err(error),
            _ => Ok(loaded),
        };
        Read { found, since }
    }

    /// Looks into the tiers one after the other; says what failed on the way, too, and since when a tier is known to have nothing.
    async fn look(
        self: &Arc<Self>,
        face: Face,
        key: &EntryKey,
        reading: Reading<'_>,
        at_hand: AtHand,
        (failed, since): (&mut Vec<Error>, &mut Since),
    ) -> Option<Loaded> {
        let AtHand { epoch, answer: mut first } = at_hand;
        let tally = if let Reading::ForUse(tally) = reading { Some(tally) } else { None };
        if let Some(tally) = tally {
            tally.memory_missed(1);
        }
        let tiers = self.tiers.all().map_err(|error| failed.push(error)).ok()?;
        for (number, tier) in tiers.iter().enumerate() {
            if self.has_memory() && tier.store(face).await.is_ok() {
                self.hear(tier);
                if tally.is_some() {
                    self.may_come(key);
                }
            }
            let queued = self.back.as_ref().and_then(|back| back.find(number, key));
            let is_queued = queued.is_some();
            let read = match (queued, first.take()) {
                (Some(Queued(bytes)), _) | (None, Some(Ok(bytes))) => self.verified(face, tier, key, bytes).await,
                (None, Some(Err(error))) => Err(error),
                (None, None) => self.read_tier(face, tier, key).await,
            };
            let is_down = read.is_err();
            match read {
                Ok(None) => {
                    if let Some(tally) = tally {
                        tally.missed(number);
                    }
                    if is_queued {
                        // What stands behind it is older.
                        break;
                    }
                }
                Ok(Some(verified)) => {
                    let mut loaded = Loaded::new(verified, number, epoch);
                    if tally.is_some() {
                        self.restart(face, &tiers[number..], key, &mut loaded).await;
                    }
                    if !matches!(reading, Reading::ToChange) {
                        self.carry_up(face, &tiers[..number], &[(key, &loaded)], since).await;
                    }
                    return Some(loaded);
                }
                Err(error) => failed.push(error),
            }
            if tally.is_some() && tier.has_fences() {
                let moment = if is_down { Ok(None) } else { self.moment(face, tier, key).await };
                since.missed_in(number, moment.map_err(|error| failed.push(error)).ok().flatten());
            }
        }
        None
    }

    /// The present, by the time of a tier's store.
    async fn moment(&self, face: Face, tier: &LiveTier, key: &EntryKey) -> Result<Option<Moment>, Error> {
        let flat = key.flat().to_vec();
        tier.ask(face, move |store| async move { store.moment(&flat).await }).await
    }

    pub(super) async fn read_tier(
        &self,
        face: Face,
        tier: &LiveTier,
        key: &EntryKey,
    ) -> Result<Option<Verified>, Error> {
        if self.shared.owed.hides(tier, key) {
            return Ok(None);
        }
        let store = tier.store(face).await?;
        let bytes = if tier.timeout.is_some() || face == Face::Task && store.blocks() {
            let flat = key.flat().to_vec();
            // What is not done for every call has a place of its own: the future of a hit stays small.
            Box::pin(tier.ask(face, move |store| async move { store.get(&flat).await })).await?
        } else {
            store.get(key.flat()).await.inspect_err(|_| tier.failed())?
        };
        let verified = self.verified(face, tier, key, bytes).await?;
        Ok(verified.filter(|(_, facts)| !self.shared.owed.hides_tagged(tier, key, facts)))
    }

    /// Bytes that were found under a key, if they are an entry of it that is alive.
    pub(super) async fn verified(
        &self,
        face: Face,
        tier: &LiveTier,
        key: &EntryKey,
        bytes: Option<Vec<u8>>,
    ) -> Result<Option<Verified>, Error> {
        let Some(bytes) = bytes else { return Ok(None) };
        match check(&bytes, key) {
            Ok(Found::Alive(facts)) => Ok(Some((bytes, facts))),
            Ok(Found::Over | Found::Other) => Ok(None),
            Err(error) => {
                tier.failed();
                // What a later version of the library wrote is not ours to remove.
                if !error.is_newer() {
                    Box::pin(self.discard(face, tier, key, bytes)).await;
                }
                Err(error)
            }
        }
    }

    /// Removes bytes that do not verify, if they still stand there.
    async fn discard(&self, face: Face, tier: &LiveTier, key: &EntryKey, bytes: Vec<u8>) {
        let flat = key.flat().to_vec();
        let work = move |store: Store| async move {
            let mut remove = |now: Option<&[u8]>| if now == Some(&bytes) { Change::Remove } else { Change::Keep };
            store.update(&flat, &mut remove).await
        };
        if let Err(error) = tier.ask(face, work).await {
            self.failed(&error);
        }
    }
}

impl Space {
    /// As [`read_for_use`](Self::read_for_use), on a thread: what the first tier has at hand needs no future.
    pub(crate) fn read_here_for_use(&self, key: &EntryKey, mut at_hand: AtHand) -> Read {
        if let Some(loaded) = at_hand.take(key) {
            self.tally.memory_missed(1);
            return Read { found: Ok(Some(loaded)), since: Since::default() };
        }
        block_on(self.stores.read_on(Face::Thread, key, Reading::ForUse(&self.tally), at_hand))
    }

    /// The entry of a key, for a call: see [`Stores::read`]. An entry that slides is restarted.
    pub(crate) async fn read_for_use(&self, face: Face, key: &EntryKey) -> Read {
        self.stores.read_on(face, key, Reading::ForUse(&self.tally), AtHand::nothing(&self.stores, key)).await
    }
}

/// Is it the store that failed, and not what stands in it?
pub(super) fn is_down(error: &Error) -> bool {
    !error.is_corrupt() && !error.is_newer()
}
