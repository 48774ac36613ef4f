//! Writing: a value becomes a frame for each tier, and goes into the last one first.

use std::{any::Any, ops::Range, sync::Arc};

use super::{EntryKey, Face, Space, Stores, Turn, face::in_background};
use crate::{
    backend::{Change, Item, Store, UnixMillis, hook},
    clock::{self, Millis},
    error::Error,
    freshness::fingerprint::Fingerprint,
    wire::{Frame, Tags},
};

/// What became of a value in the stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Another stood there, and stays.
    Yielded,
    /// It is not stored, nor is what stood in its place.
    Removed,
    /// It is stored.
    Stored,
}

/// A value on its way into the stores of a space.
pub(crate) struct Offer {
    key: EntryKey,
    /// By the tiers.
    frames: Vec<Written>,
    tags: Vec<String>,
    dependency: Option<Fingerprint>,
    /// It does not take the place of a live entry.
    yields: bool,
    /// Other processes wait for it.
    is_awaited: bool,
    /// It has expired already, or can't be written: an older entry is removed, and none is stored.
    is_over: bool,
}

/// The entry for one tier.
struct Written {
    bytes: Vec<u8>,
    expires: Option<UnixMillis>,
}

impl Written {
    fn is_over(&self, now: UnixMillis) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// What is known of a value beside itself.
pub(crate) struct About {
    pub(crate) expires: Option<UnixMillis>,
    /// When it becomes stale; `None`: it does not.
    pub(crate) fresh_until: Option<UnixMillis>,
    /// The time to live that a hit begins anew; 0: none.
    pub(crate) window: Millis,
    /// Nanoseconds that it took to compute; 0 if that is not known.
    pub(crate) cost: u64,
    /// All tags, the literal ones too.
    pub(crate) tags: Vec<String>,
    /// What the dependency looked like before it was made.
    pub(crate) dependency: Option<Fingerprint>,
    pub(crate) yields: bool,
}

impl Offer {
    pub(crate) fn key(&self) -> &EntryKey {
        &self.key
    }

    pub(super) fn has_tags(&self, wanted: &[String]) -> bool {
        wanted.iter().all(|tag| self.tags.contains(tag))
    }

    pub(super) fn yields(&self) -> bool {
        self.yields
    }

    /// The same, to be in all tiers soon: other processes wait for it.
    pub(crate) fn awaited(self) -> Self {
        Self { is_awaited: true, ..self }
    }

    /// May it wait in a queue?
    pub(super) fn can_wait(&self) -> bool {
        self.is_plain() && !self.is_awaited
    }

    /// Does it take the place of whatever is there?
    fn is_plain(&self) -> bool {
        !self.yields && !self.is_over
    }

    /// How much memory it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.key.flat().len() + self.frames.iter().map(|written| written.bytes.len()).sum::<usize>()
    }

    /// The bytes that are to stand in a tier; none if they are over by now.
    pub(super) fn bytes(&self, tier: usize) -> Option<&[u8]> {
        let written = self.frames.get(tier).filter(|written| !written.is_over(clock::unix_now()));
        written.map(|written| &*written.bytes)
    }

    /// Its entry in a tier, if it takes the place of whatever is there, now.
    fn entry(&self, tier: usize, now: UnixMillis) -> Option<&Written> {
        self.frames.get(tier).filter(|written| self.is_plain() && !written.is_over(now))
    }

    /// Puts it into a tier on its own, in place of whatever is there.
    async fn put(&self, store: &Store, tier: usize, now: UnixMillis) -> Result<Outcome, Error> {
        match self.live(tier, now) {
            Some(Written { bytes, expires }) => {
                let tags: Vec<&str> = self.tags.iter().map(String::as_str).collect();
                let item = Item::new(bytes).expires(*expires).tags(&tags).since(self.key.since(tier));
                store.set(self.key.flat(), item).await.map(|()| Outcome::Stored)
            }
            // What is over still takes the place of what was there before.
            None => store.remove_prefix(&self.key.all_versions()).await.map(|_| Outcome::Removed),
        }
    }

    /// Puts it into a tier unless there is a live entry of its key.
    async fn put_if_absent(&self, store: &Store, tier: usize, now: UnixMillis) -> Result<Outcome, Error> {
        let Some(Written { bytes, expires }) = self.live(tier, now) else { return Ok(Outcome::Yielded) };
        let mut outcome = Outcome::Yielded;
        let mut set = |old: Option<&[u8]>| {
            if old.is_some_and(|old| self.yields_to(old)) {
                outcome = Outcome::Yielded;
                return Change::Keep;
            }
            outcome = Outcome::Stored;
            let since = self.key.since(tier);
            Change::Set { bytes: bytes.clone(), expires: *expires, tags: self.tags.clone(), since, is_news: true }
        };
        store.update(self.key.flat(), &mut set).await?;
        Ok(outcome)
    }

    /// Is there a live entry of its key?
    async fn is_there(&self, store: &Store) -> Result<bool, Error> {
        let bytes = store.get(self.key.flat()).await?;
        Ok(bytes.is_some_and(|bytes| self.yields_to(&bytes)))
    }

    /// Are these bytes the entry of its key, alive, not stale, and made for a dependency that has not changed?
    fn yields_to(&self, old: &[u8]) -> bool {
        let Ok(frame) = Frame::read(old) else { return false };
        let then = frame.dependency.map(Fingerprint::read);
        is_fresh(&frame, self.key.full())
            && self.dependency.as_ref().is_none_or(|now| !now.has_changed_since(then.as_ref()))
    }

    fn live(&self, tier: usize, now: UnixMillis) -> Option<&Written> {
        self.frames.get(tier).filter(|written| !self.is_over && !written.is_over(now))
    }
}

impl Space {
    /// Encodes a value, of the type that the space holds.
    ///
    /// # Errors
    ///
    /// If the codec can't write it.
    pub(crate) fn offer(&self, key: EntryKey, value: &dyn Any, about: About) -> Result<Offer, Error> {
        let now = clock::unix_now();
        let frames = self.frames(&key, value, &about, now)?;
        let is_over = about.expires.is_some_and(|expires| expires <= now);
        let About { tags, dependency, yields, .. } = about;
        Ok(Offer { key, frames, tags, dependency, yields, is_awaited: false, is_over })
    }

    /// The same for a value that has to take the place of an older one: if it can't be encoded, that is counted, and the
    /// older one goes all the same.
    pub(crate) fn offer_or_remove(&self, key: EntryKey, value: &dyn Any, about: About) -> Offer {
        let now = clock::unix_now();
        let frames = self.frames(&key, value, &about, now).inspect_err(|error| self.stores.failed(error)).ok();
        let is_over = frames.is_none() || about.expires.is_some_and(|expires| expires <= now);
        let frames = frames.unwrap_or_default();
        let About { tags, dependency, yields, .. } = about;
        Offer { key, frames, tags, dependency, yields, is_awaited: false, is_over }
    }

    /// The entry for each tier.
    fn frames(&self, key: &EntryKey, value: &dyn Any, about: &About, now: UnixMillis) -> Result<Vec<Written>, Error> {
        let tags: Vec<&str> = about.tags.iter().map(String::as_str).collect();
        let mut frames = Vec::new();
        for tier in self.stores.tiers.all()? {
            let terms = tier.terms();
            let encoded = self.values.encode(value, &terms.wire)?;
            let expires = terms.end(about.expires, now);
            let frame = Frame {
                codec: encoded.codec,
                compressors: encoded.compressors,
                created: now,
                expires,
                fresh_until: about
                    .fresh_until
                    .filter(|fresh_until| expires.is_some_and(|expires| *fresh_until < expires)),
                window: terms.window(about.window),
                dependency: about.dependency.as_ref().map(Fingerprint::bytes),
                cost: about.cost,
                tags: Tags::from(&*tags),
                key: key.full(),
                key_data: key.data(),
                value: &encoded.bytes,
            };
            frames.push(Written { bytes: written(&frame)?, expires });
        }
        Ok(frames)
    }
}

impl Stores {
    /// Stores a value, in the caller's turn; see [`write_many`](Self::write_many).
    pub(crate) async fn write(self: &Arc<Self>, face: Face, turn: &Turn, offer: Offer) -> Result<Outcome, Error> {
        let written = self.write_many(face, std::slice::from_ref(turn), vec![offer]).await?;
        Ok(written.first().copied().unwrap_or(Outcome::Yielded))
    }

    /// Stores several values, in the turns of all their keys; says for each what became of it. All tiers are tried before it
    /// fails. With write-back, the first tier has the values when this returns, and the queue for the others.
    pub(crate) async fn write_many(
        self: &Arc<Self>,
        face: Face,
        _turns: &[Turn],
        offers: Vec<Offer>,
    ) -> Result<Vec<Outcome>, Error> {
        if offers.is_empty() {
            return Ok(Vec::new());
        }
        let offers: Vec<Arc<Offer>> = offers.into_iter().map(Arc::new).collect();
        if self.has_memory() {
            for offer in &offers {
                self.may_come(offer.key());
            }
        }
        self.settle_others(face, &offers.iter().map(|offer| offer.key()).collect::<Vec<_>>()).await?;
        let written = match &self.back {
            Some(back) => self.write_back(back, face, &offers).await,
            None => self.put(face, 0..usize::MAX, &offers).await,
        };
        for offer in &offers {
            self.changed(&offer.key);
        }
        self.sweep();
        written
    }

    /// Puts values into some of the tiers, the last one first. All are tried before it fails.
    ///
    /// One that yields is stored only if it is in none of them. The last one decides, in one step, since other processes may
    /// ask it, too.
    pub(super) async fn put(
        self: &Arc<Self>,
        face: Face,
        numbers: Range<usize>,
        offers: &[Arc<Offer>],
    ) -> Result<Vec<Outcome>, Error> {
        let tiers = self.tiers.all()?;
        let tiers = &tiers[numbers.start.min(tiers.len())..numbers.end.min(tiers.len())];
        let mut outcomes: Vec<Option<Outcome>> = vec![None; offers.len()];
        for (outcome, offer) in outcomes.iter_mut().zip(offers).filter(|(_, offer)| offer.yields) {
            for tier in &tiers[..tiers.len().saturating_sub(1)] {
                if self.pay(face, tier).await.is_err() {
                    continue;
                }
                let asked = offer.clone();
                let is_there = tier.ask(face, move |store| async move { asked.is_there(&store).await });
                if is_there.await.unwrap_or(false) {
                    *outcome = Some(Outcome::Yielded);
                }
            }
        }
        let mut failed = None;
        for (at, tier) in tiers.iter().enumerate().rev() {
            if self.has_memory() && tier.store(face).await.is_ok() {
                self.hear(tier);
            }
            if let Err(error) = self.pay(face, tier).await {
                failed = Some(error);
                continue;
            }
            let (number, offers, decided) = (numbers.start + at, offers.to_vec(), outcomes.clone());
            let work = move |store: Store| async move { put_all(&store, number, &offers, &decided).await };
            match tier.change(face, work).await {
                Ok(put) => outcomes.iter_mut().zip(put).for_each(|(outcome, put)| *outcome = (*outcome).max(Some(put))),
                Err(error) => failed = Some(error),
            }
        }
        let outcomes = outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Yielded));
        failed.map_or_else(|| Ok(outcomes.collect()), Err)
    }

    /// Has expired entries removed, where that is due: on the pool of threads, so that no call waits for it.
    fn sweep(&self) {
        for store in self.tiers.known().iter().filter_map(|tier| tier.to_sweep()) {
            let (store, function) = (store.clone(), self.prefix.clone());
            let present = clock::unix_now();
            drop(in_background(async move {
                if let Err(error) = store.purge(present).await {
                    hook::report(&function, &error);
                }
            }));
        }
    }
}

/// Stores values in their order: those that stand together and take the place of whatever is there, as one batch. Of one that
/// yields, a later tier may have `decided` what becomes of it.
async fn put_all(
    store: &Store,
    tier: usize,
    offers: &[Arc<Offer>],
    decided: &[Option<Outcome>],
) -> Result<Vec<Outcome>, Error> {
    let now = clock::unix_now();
    let mut outcomes = Vec::with_capacity(offers.len());
    let all: Vec<(&Offer, Option<Outcome>)> =
        offers.iter().map(|offer| &**offer).zip(decided.iter().copied()).collect();
    let sets = |offer: &Offer| offer.entry(tier, now).is_some();
    for together in all.chunk_by(|(one, _), (next, _)| sets(one) && sets(next)) {
        if let [(one, decided)] = together {
            outcomes.push(match decided.filter(|_| one.yields) {
                Some(Outcome::Yielded | Outcome::Removed) => Outcome::Yielded,
                None if one.yields => one.put_if_absent(store, tier, now).await?,
                _ => one.put(store, tier, now).await?,
            });
            continue;
        }
        let tags: Vec<Vec<&str>> =
            together.iter().map(|(offer, _)| offer.tags.iter().map(String::as_str).collect()).collect();
        let items = together.iter().zip(&tags).filter_map(|((offer, _), tags)| {
            let Written { bytes, expires } = offer.entry(tier, now)?;
            let item = Item::new(bytes).expires(*expires).tags(tags).since(offer.key.since(tier));
            Some((offer.key.flat(), item))
        });
        store.set_many(&items.collect::<Vec<_>>()).await?;
        outcomes.extend(together.iter().map(|_| Outcome::Stored));
    }
    Ok(outcomes)
}

/// A frame as bytes.
pub(super) fn written(frame: &Frame<'_>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    frame.write(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn is_alive(bytes: &[u8], full: &str) -> bool {
    Frame::read(bytes).is_ok_and(|frame| frame.key == full && !frame.is_over(clock::unix_now()))
}

/// Is it the entry of a key, alive and not stale?
fn is_fresh(frame: &Frame<'_>, full: &str) -> bool {
    let now = clock::unix_now();
    frame.key == full && !frame.is_over(now) && frame.fresh_until.is_none_or(|fresh_until| now < fresh_until)
}

/// The entry of a key with another end, which hits do not put off, if it is alive; none if it has ended by then.
pub(super) fn retimed(bytes: &[u8], full: &str, expires: Option<UnixMillis>) -> Option<Change> {
    if !is_alive(bytes, full) {
        return None;
    }
    if expires.is_some_and(|expires| expires <= clock::unix_now()) {
        return Some(Change::Remove);
    }
    let frame = Frame::read(bytes).ok()?;
    let tags = frame.tags.iter().map(str::to_owned).collect();
    let bytes = written(&Frame { expires, fresh_until: None, window: None, ..frame }).ok()?;
    Some(Change::Set { bytes, expires, tags, since: None, is_news: true })
}
