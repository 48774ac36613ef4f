//! Reading: the first tier that has an entry answers, and those before it get a copy.

use std::{any::Any, ops::Range};

use serde::de::DeserializeOwned;

use super::{EntryKey, Face, Space, Stores, Turn, back::Queued, source::Terms, tier::OpenTier};
use crate::{
    backend::{Change, Item, Store, UnixMillis},
    clock,
    error::Error,
    memory::stamp::Stamp,
    tags::Tag,
    wire::{Frame, Wire, frame::with_expiry},
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
            tags: frame.tags.iter().map(Tag::from).collect(),
        }
    }
}

impl Loaded {
    pub(super) fn new((bytes, facts): Verified, tier: usize, epoch: u64) -> Self {
        Self { bytes, facts, tier, epoch }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn tier(&self) -> usize {
        self.tier
    }

    fn text(&self, place: &Range<usize>) -> &str {
        str::from_utf8(&self.bytes[place.clone()]).unwrap_or_default()
    }

    /// Its times on the process's clock, and its tags but for those that all entries of the function have.
    pub(crate) fn about(&self, literal: &[&str]) -> (Stamp, Vec<Tag>) {
        let present = (clock::now(), clock::unix_now());
        let Facts { created, expires, tags, .. } = &self.facts;
        let stamp = Stamp::new(clock::from_unix(Some(*created), present), clock::from_unix(*expires, present));
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

impl Stores {
    /// The entry of a key. What fails is counted here. Bytes that do not verify are as good as absent; it is an error if no
    /// tier has the entry and one can't be asked.
    pub(crate) async fn read(&self, face: Face, key: &EntryKey) -> Result<Option<Loaded>, Error> {
        let (loaded, failed) = self.look(face, key).await;
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
    async fn look(&self, face: Face, key: &EntryKey) -> (Option<Loaded>, Vec<Error>) {
        let epoch = self.epoch(key);
        let mut failed = Vec::new();
        let tiers = match self.tiers.get(face).await {
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
                // What stands behind it is older.
                Ok(None) if is_queued => break,
                Ok(None) => {}
                Ok(Some((bytes, facts))) => {
                    let loaded = Loaded { bytes, facts, tier: number, epoch };
                    self.carry_up(face, &tiers[..number], key, &loaded).await;
                    return (Some(loaded), failed);
                }
                Err(error) => failed.push(error),
            }
        }
        (None, failed)
    }

    /// What the tier is called that had an entry.
    pub(crate) fn tier_name(&self, loaded: &Loaded) -> &'static str {
        self.tiers.name(loaded.tier)
    }

    pub(super) async fn read_tier(
        &self,
        face: Face,
        tier: &OpenTier,
        key: &EntryKey,
    ) -> Result<Option<Verified>, Error> {
        let bytes = if face == Face::Task && tier.store.blocks() {
            let flat = key.flat().to_vec();
            face.ask(&tier.store, move |store| async move { store.get(&flat).await }).await?
        } else {
            tier.store.get(key.flat()).await?
        };
        self.verified(face, tier, key, bytes).await
    }

    /// Bytes that were found under a key, if they are an entry of it that is alive.
    pub(super) async fn verified(
        &self,
        face: Face,
        tier: &OpenTier,
        key: &EntryKey,
        bytes: Option<Vec<u8>>,
    ) -> Result<Option<Verified>, Error> {
        let Some(bytes) = bytes else { return Ok(None) };
        match check(&bytes, key) {
            Ok(facts) => Ok(facts.map(|facts| (bytes, facts))),
            // What a later version of the library wrote is not ours to remove.
            Err(error) if error.is_newer() => Err(error),
            Err(error) => {
                self.discard(face, tier, key, bytes).await;
                Err(error)
            }
        }
    }

    /// Removes bytes that do not verify, if they still stand there.
    async fn discard(&self, face: Face, tier: &OpenTier, key: &EntryKey, bytes: Vec<u8>) {
        let flat = key.flat().to_vec();
        let work = move |store: Store| async move {
            let mut remove = |now: Option<&[u8]>| if now == Some(&bytes) { Change::Remove } else { Change::Keep };
            store.update(&flat, &mut remove).await
        };
        if let Err(error) = face.ask(&tier.store, work).await {
            self.failed(&error);
        }
    }

    /// Copies an entry into the tiers before the one that had it, unless something changed since.
    async fn carry_up(&self, face: Face, tiers: &[OpenTier], key: &EntryKey, loaded: &Loaded) {
        if tiers.is_empty() {
            return;
        }
        let turn = self.turn(face, key).await;
        if self.epoch(key) != loaded.epoch {
            return;
        }
        for tier in tiers {
            let copied = match carried(tier, key, loaded) {
                Ok(entry) => carry(face, std::slice::from_ref(&turn), tier, vec![entry]).await,
                Err(error) => Err(error),
            };
            if let Err(error) = copied {
                self.failed(&error);
            }
        }
    }
}

impl Space {
    /// Decodes an entry into an `Option` of the function's type; what can't be decoded counts as an error.
    pub(crate) fn decode(&self, loaded: &Loaded, to: &mut dyn Any) -> bool {
        self.try_decode(loaded, to).is_ok()
    }

    /// The same, for those who want to know why not.
    pub(crate) fn try_decode(&self, loaded: &Loaded, to: &mut dyn Any) -> Result<(), Error> {
        let most = self.stores.tiers.max_value(loaded.tier);
        let Facts { codec, compressors, value, .. } = &loaded.facts;
        let names = (loaded.text(codec), loaded.text(compressors));
        let decoded = self.values.decode(names, &loaded.bytes[value.clone()], most, to);
        decoded.inspect_err(|error| self.stores.failed(error))
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

/// What the frame says, unless it is over or another's: then it is not to be used, and that is no fault.
fn check(bytes: &[u8], key: &EntryKey) -> Result<Option<Facts>, Error> {
    let frame = Frame::read(bytes)?;
    let fits = frame.key == key.full() && (frame.expires.is_none() || !frame.is_over(clock::unix_now()));
    Ok(fits.then(|| Facts::of(&frame, bytes)))
}

/// Is it the store that failed, and not what stands in it?
pub(super) fn is_down(error: &Error) -> bool {
    !error.is_corrupt() && !error.is_newer()
}

/// An entry on its way into a tier before the one that had it.
pub(super) struct Carried {
    flat: Vec<u8>,
    bytes: Vec<u8>,
    expires: Option<UnixMillis>,
    tags: Vec<String>,
}

/// The same frame for another tier, where entries may live shorter: the remaining time, never more.
pub(super) fn carried(tier: &OpenTier, key: &EntryKey, loaded: &Loaded) -> Result<Carried, Error> {
    let Facts { expires, tags, .. } = &loaded.facts;
    let expires = tier.terms.end(*expires, clock::unix_now());
    let tags = tags.iter().map(Tag::to_string).collect();
    Ok(Carried { flat: key.flat().to_vec(), bytes: with_expiry(&loaded.bytes, expires)?, expires, tags })
}

/// Puts entries into a tier, in the turns of their keys.
pub(super) async fn carry(face: Face, turns: &[Turn], tier: &OpenTier, entries: Vec<Carried>) -> Result<(), Error> {
    let (turns, store) = (turns.to_vec(), tier.store.clone());
    let work = move |store: Store| async move {
        let tags: Vec<Vec<&str>> =
            entries.iter().map(|entry| entry.tags.iter().map(String::as_str).collect()).collect();
        let items = entries
            .iter()
            .zip(&tags)
            .map(|(entry, tags)| (&*entry.flat, Item { bytes: &entry.bytes, expires: entry.expires, tags }));
        store.set_many(&items.collect::<Vec<_>>()).await
    };
    let change = async move {
        let carried = face.ask(&store, work).await;
        drop(turns);
        carried
    };
    face.finish(change).await
}

impl Terms {
    /// The end of an entry in this tier.
    pub(super) fn end(&self, expires: Option<UnixMillis>, now: UnixMillis) -> Option<UnixMillis> {
        let most = self.ttl.map(|ttl| now.saturating_add(ttl));
        match (expires, most) {
            (Some(expires), Some(most)) => Some(expires.min(most)),
            (expires, most) => expires.or(most),
        }
    }
}
