//! Reading: the first tier that has an entry answers, and those before it get a copy.

use std::{any::Any, ops::Range, sync::Arc};

use serde::de::DeserializeOwned;

use super::{EntryKey, Face, Space, Stores, Turn, back::Queued, tally::Tally, tier::LiveTier, write::written};
use crate::{
    backend::{Change, Item, Store, UnixMillis},
    clock::{self, Millis},
    error::Error,
    memory::stamp::{self, Stamp},
    tags::Tag,
    wire::{Frame, Wire},
};

/// An entry as it was read: a frame that was verified, of the right key, and alive.
pub(crate) struct Loaded {
    bytes: Vec<u8>,
    facts: Facts,
    /// The number of the tier.
    tier: usize,
    /// What the stripe's epoch was before the entry was read.
    epoch: u64,
}

/// What a frame says, so that it is taken apart and verified once.
pub(super) struct Facts {
    codec: Range<usize>,
    compressors: Range<usize>,
    value: Range<usize>,
    created: UnixMillis,
    expires: Option<UnixMillis>,
    /// The time to live that a hit begins anew; 0: none.
    window: Millis,
    tags: Vec<Tag>,
}

/// The bytes of an entry that was verified, and what they say.
pub(super) type Verified = (Vec<u8>, Facts);

impl Facts {
    fn of(frame: &Frame<'_>, bytes: &[u8]) -> Self {
        let place = |part: &[u8]| {
            let start = part.as_ptr().addr() - bytes.as_ptr().addr();
            start..start + part.len()
        };
        Self {
            codec: place(frame.codec.as_bytes()),
            compressors: place(frame.compressors.as_bytes()),
            value: place(frame.value),
            created: frame.created,
            expires: frame.expires,
            window: frame.window.unwrap_or(0),
            tags: frame.tags.iter().map(Tag::from).collect(),
        }
    }
}

impl Loaded {
    pub(super) fn new((bytes, facts): Verified, tier: usize, epoch: u64) -> Self {
        Self { bytes, facts, tier, epoch }
    }

    pub(super) fn tier(&self) -> usize {
        self.tier
    }

    /// When a hit restarts it; `None` if none does.
    pub(super) fn restarts_from(&self) -> Option<UnixMillis> {
        let Facts { expires, window, .. } = self.facts;
        expires.filter(|_| window != 0).map(|expires| stamp::restarts_from(expires, window))
    }

    pub(super) fn created(&self) -> UnixMillis {
        self.facts.created
    }

    pub(super) fn ends_at(&mut self, expires: UnixMillis) {
        self.facts.expires = Some(expires);
    }

    /// Is it an entry that a scan found, with another end at most?
    pub(crate) fn is(&self, stored: &Stored) -> bool {
        let same = |frame: Frame<'_>| {
            frame.created == self.facts.created && frame.value == &self.bytes[self.facts.value.clone()]
        };
        Frame::read(&stored.0).is_ok_and(same)
    }

    fn text(&self, place: &Range<usize>) -> &str {
        str::from_utf8(&self.bytes[place.clone()]).unwrap_or_default()
    }

    /// Its times on the process's clock, and its tags but for those that all entries of the function have.
    pub(crate) fn about(&self, literal: &[&str]) -> (Stamp, Vec<Tag>) {
        let present = (clock::now(), clock::unix_now());
        let Facts { created, expires, window, tags, .. } = &self.facts;
        let stamp = Stamp::new(clock::from_unix(Some(*created), present), clock::from_unix(*expires, present));
        let stamp = stamp.sliding(*window);
        (stamp, tags.iter().filter(|tag| !literal.contains(&tag.as_str())).cloned().collect())
    }
}

/// An entry that a scan found: a frame that was verified.
pub(crate) struct Stored(Vec<u8>);

/// The bytes of an entry that is alive.
pub(super) fn alive(bytes: &[u8]) -> Option<Stored> {
    let frame = Frame::read(bytes).ok()?;
    (!frame.is_over(clock::unix_now())).then(|| Stored(bytes.to_vec()))
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
        self.read_as(face, key, Reading::ToSee).await
    }

    /// The same in the turn of the key. Nothing is copied into other tiers.
    pub(crate) async fn read_in_turn(
        self: &Arc<Self>,
        face: Face,
        _turn: &Turn,
        key: &EntryKey,
    ) -> Result<Option<Loaded>, Error> {
        self.settle_others(face, &[key]).await?;
        self.read_as(face, key, Reading::ToChange).await
    }

    async fn read_as(
        self: &Arc<Self>,
        face: Face,
        key: &EntryKey,
        reading: Reading<'_>,
    ) -> Result<Option<Loaded>, Error> {
        let (loaded, failed) = self.look(face, key, reading).await;
        for error in &failed {
            self.failed(error);
        }
        let down = failed.into_iter().find(is_down);
        match down {
            Some(error) if loaded.is_none() => Err(error),
            _ => Ok(loaded),
        }
    }

    /// Looks into the tiers one after the other; says what failed on the way, too.
    async fn look(self: &Arc<Self>, face: Face, key: &EntryKey, reading: Reading<'_>) -> (Option<Loaded>, Vec<Error>) {
        let epoch = self.epoch(key);
        let tally = if let Reading::ForUse(tally) = reading { Some(tally) } else { None };
        if let Some(tally) = tally {
            tally.memory_missed(1);
        }
        let mut failed = Vec::new();
        let tiers = match self.tiers.all() {
            Ok(tiers) => tiers,
            Err(error) => return (None, vec![error]),
        };
        for (number, tier) in tiers.iter().enumerate() {
            let queued = self.back.as_ref().and_then(|back| back.find(number, key));
            let is_queued = queued.is_some();
            let read = match queued {
                Some(Queued(bytes)) => self.verified(face, tier, key, bytes).await,
                None => self.read_tier(face, tier, key).await,
            };
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
                Ok(Some((bytes, facts))) => {
                    let mut loaded = Loaded { bytes, facts, tier: number, epoch };
                    if tally.is_some() {
                        self.restart(face, &tiers[number..], key, &mut loaded).await;
                    }
                    if !matches!(reading, Reading::ToChange) {
                        self.carry_up(face, &tiers[..number], &[(key, &loaded)]).await;
                    }
                    return (Some(loaded), failed);
                }
                Err(error) => failed.push(error),
            }
        }
        (None, failed)
    }

    pub(super) async fn read_tier(
        &self,
        face: Face,
        tier: &LiveTier,
        key: &EntryKey,
    ) -> Result<Option<Verified>, Error> {
        let store = tier.store(face).await?;
        let bytes = if face == Face::Task && store.blocks() {
            let flat = key.flat().to_vec();
            tier.ask(face, move |store| async move { store.get(&flat).await }).await?
        } else {
            store.get(key.flat()).await.inspect_err(|_| tier.failed())?
        };
        self.verified(face, tier, key, bytes).await
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
                    self.discard(face, tier, key, bytes).await;
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

    /// Copies entries into the tiers before the one that had them, but for those that changed since.
    pub(super) async fn carry_up(
        self: &Arc<Self>,
        face: Face,
        tiers: &[Arc<LiveTier>],
        found: &[(&EntryKey, &Loaded)],
    ) {
        if tiers.is_empty() || found.is_empty() {
            return;
        }
        let carry = |tier: &Arc<LiveTier>| {
            // That their frames are sound was found before.
            let carried = found.iter().filter_map(|(key, loaded)| carried(tier, key, loaded).ok());
            (tier.clone(), carried.collect::<Vec<_>>())
        };
        let copies: Vec<_> = tiers.iter().map(carry).collect();
        let keys: Vec<(EntryKey, u64)> = found.iter().map(|(key, loaded)| ((*key).clone(), loaded.epoch)).collect();
        let stores = self.clone();
        let change = async move {
            let _turns = stores.turns(face, keys.iter().map(|(key, _)| key)).await;
            let same: Vec<bool> = keys.iter().map(|(key, epoch)| stores.epoch(key) == *epoch).collect();
            for (tier, entries) in copies {
                let entries =
                    entries.into_iter().zip(&same).filter_map(|(entry, same)| same.then_some(entry)).collect();
                if let Err(error) = put_carried(face, &tier, entries).await {
                    stores.failed(&error);
                }
            }
        };
        face.finish(change).await;
    }
}

impl Space {
    /// The entry of a key, for a call: see [`Stores::read`]. An entry that slides is restarted.
    pub(crate) async fn read_for_use(&self, face: Face, key: &EntryKey) -> Result<Option<Loaded>, Error> {
        self.stores.read_as(face, key, Reading::ForUse(&self.tally)).await
    }

    /// Decodes an entry into an `Option` of the function's type; what can't be decoded counts as an error.
    pub(crate) fn decode(&self, loaded: &Loaded, to: &mut dyn Any) -> bool {
        self.try_decode(loaded, to).is_ok()
    }

    /// The same, for those who want to know why not.
    pub(crate) fn try_decode(&self, loaded: &Loaded, to: &mut dyn Any) -> Result<(), Error> {
        self.decoded(loaded, to).inspect_err(|error| {
            if let Some(tier) = self.stores.tiers.known().get(loaded.tier) {
                tier.failed();
            }
            self.stores.failed(error);
        })
    }

    pub(super) fn decoded(&self, loaded: &Loaded, to: &mut dyn Any) -> Result<(), Error> {
        let most = self.stores.tiers.max_value(loaded.tier);
        let Facts { codec, compressors, value, .. } = &loaded.facts;
        let names = (loaded.text(codec), loaded.text(compressors));
        self.values.decode(names, &loaded.bytes[value.clone()], most, to)
    }
}

impl Space {
    /// Reads an entry of a cache: gives the key, and puts the value into an `Option`. What can't be decoded counts as an error.
    pub(crate) fn reopen<K: DeserializeOwned>(&self, stored: &Stored, to: &mut dyn Any) -> Option<K> {
        let most = self.stores.tiers.max_value(usize::MAX);
        let mut read = || {
            let frame = Frame::read(&stored.0)?;
            let data = frame.key_data.ok_or_else(|| Error::corrupt("the entry has no key that can be read"))?;
            let key = key_of(data)?;
            self.values.decode((frame.codec, frame.compressors), frame.value, most, to)?;
            Ok(key)
        };
        let key: Result<K, Error> = read();
        key.inspect_err(|error| self.stores.failed(error)).ok()
    }
}

/// The codec of keys that are to be read again.
pub(super) const KEYS: &str = "bincode";

/// Reads a key again.
pub(crate) fn key_of<K: DeserializeOwned>(data: &[u8]) -> Result<K, Error> {
    Wire::decode(KEYS, "", data, data.len() * 64 + 4096)
}

/// What bytes are that stand under a key, if they verify.
pub(super) enum Found {
    /// Its entry.
    Alive(Facts),
    /// Its entry, whose time has passed.
    Over,
    /// The entry of another key with the same hash.
    Other,
}

pub(super) fn check(bytes: &[u8], key: &EntryKey) -> Result<Found, Error> {
    let frame = Frame::read(bytes)?;
    Ok(match frame.expires {
        _ if frame.key != key.full() => Found::Other,
        Some(_) if frame.is_over(clock::unix_now()) => Found::Over,
        _ => Found::Alive(Facts::of(&frame, bytes)),
    })
}

/// Is it the store that failed, and not what stands in it?
pub(super) fn is_down(error: &Error) -> bool {
    !error.is_corrupt() && !error.is_newer()
}

/// An entry on its way into a tier before the one that had it.
struct Carried {
    flat: Vec<u8>,
    bytes: Vec<u8>,
    expires: Option<UnixMillis>,
    tags: Vec<String>,
}

/// The same frame for another tier, where entries may live shorter: the remaining time, never more.
fn carried(tier: &LiveTier, key: &EntryKey, loaded: &Loaded) -> Result<Carried, Error> {
    let Facts { expires, window, tags, .. } = &loaded.facts;
    let expires = tier.terms().end(*expires, clock::unix_now());
    let tags = tags.iter().map(Tag::to_string).collect();
    let frame = Frame { expires, window: tier.terms().window(*window), ..Frame::read(&loaded.bytes)? };
    Ok(Carried { flat: key.flat().to_vec(), bytes: written(&frame)?, expires, tags })
}

/// Puts entries into a tier, in the turns of their keys.
async fn put_carried(face: Face, tier: &LiveTier, entries: Vec<Carried>) -> Result<(), Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let work = move |store: Store| async move {
        let tags: Vec<Vec<&str>> =
            entries.iter().map(|entry| entry.tags.iter().map(String::as_str).collect()).collect();
        let items = entries
            .iter()
            .zip(&tags)
            .map(|(entry, tags)| (&*entry.flat, Item { bytes: &entry.bytes, expires: entry.expires, tags }));
        store.set_many(&items.collect::<Vec<_>>()).await
    };
    tier.ask(face, work).await
}
