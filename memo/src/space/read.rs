//! Reading: the first tier that has an entry answers, and those before it get a copy.

use std::any::Any;

use serde::de::DeserializeOwned;

use super::{EntryKey, Face, Space, Stores, Turn, tier::Tier};
use crate::{
    backend::{Backend, Change, Item, UnixMillis},
    clock,
    error::Error,
    memory::stamp::Stamp,
    tags::Tag,
    wire::{Frame, Wire, frame::with_expiry},
};

/// An entry as it was read: a frame that was verified, of the right key, and alive.
pub(crate) struct Loaded {
    bytes: Vec<u8>,
    /// The number of the tier.
    tier: usize,
    /// What the stripe's epoch was before the entry was read.
    epoch: u64,
}

impl Loaded {
    /// The frame.
    ///
    /// # Errors
    ///
    /// None that was not found before.
    pub(crate) fn frame(&self) -> Result<Frame<'_>, Error> {
        Frame::read(&self.bytes)
    }

    /// Its times on the process's clock, and its tags but for those that all entries of the function have.
    pub(crate) fn about(&self, literal: &[&str]) -> (Stamp, Vec<Tag>) {
        let Ok(frame) = self.frame() else { return (Stamp::new(0, 0), Vec::new()) };
        let present = (clock::now(), clock::unix_now());
        let created = clock::from_unix(Some(frame.created), present);
        let stamp = Stamp::new(created, clock::from_unix(frame.expires, present));
        (stamp, frame.tags.iter().filter(|tag| !literal.contains(tag)).map(Tag::from).collect())
    }
}

/// An entry that a scan found: a frame that was verified.
pub(crate) struct Stored(Vec<u8>);

/// The bytes of an entry that is alive.
pub(super) fn alive(bytes: &[u8]) -> Option<Stored> {
    let frame = Frame::read(bytes).ok()?;
    (!frame.is_over(clock::unix_now())).then(|| Stored(bytes.to_vec()))
}

/// What bytes are that were found under a key.
enum Found {
    Alive,
    /// Over, or another's: not to be used, and no fault.
    Other,
}

impl Stores {
    /// The entry of a key. What fails is counted here. Bytes that do not verify are as good as absent; it is an error if no
    /// tier has the entry and one can't be asked.
    pub(crate) async fn read(&self, face: Face, key: &EntryKey) -> Result<Option<Loaded>, Error> {
        let (loaded, failed) = self.look(face, key).await;
        for error in &failed {
            self.failed(error);
        }
        let down = failed.into_iter().find(|error| !error.is_corrupt() && !error.is_newer());
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
            match self.read_tier(face, tier, key).await {
                Ok(None) => {}
                Ok(Some(bytes)) => {
                    let loaded = Loaded { bytes, tier: number, epoch };
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

    async fn read_tier(&self, face: Face, tier: &Tier, key: &EntryKey) -> Result<Option<Vec<u8>>, Error> {
        let bytes = if face == Face::Thread || !tier.store.blocks() {
            tier.store.get(key.flat())?
        } else {
            let flat = key.flat().to_vec();
            face.ask(&tier.store, move |store| store.get(&flat)).await?
        };
        let Some(bytes) = bytes else { return Ok(None) };
        match check(&bytes, key) {
            Ok(Found::Alive) => Ok(Some(bytes)),
            Ok(Found::Other) => Ok(None),
            // What a later version of the library wrote is not ours to remove.
            Err(error) if error.is_newer() => Err(error),
            Err(error) => {
                self.discard(face, tier, key, bytes).await;
                Err(error)
            }
        }
    }

    /// Removes bytes that do not verify, if they still stand there.
    async fn discard(&self, face: Face, tier: &Tier, key: &EntryKey, bytes: Vec<u8>) {
        let flat = key.flat().to_vec();
        let work = move |store: &dyn Backend| {
            store.update(&flat, &mut |now| match now {
                Some(now) if now == bytes => Change::Remove,
                _ => Change::Keep,
            })
        };
        if let Err(error) = face.ask(&tier.store, work).await {
            self.failed(&error);
        }
    }

    /// Copies an entry into the tiers before the one that had it, unless something changed since.
    async fn carry_up(&self, face: Face, tiers: &[Tier], key: &EntryKey, loaded: &Loaded) {
        if tiers.is_empty() {
            return;
        }
        let turn = self.turn(face, key).await;
        if self.epoch(key) != loaded.epoch {
            return;
        }
        for tier in tiers {
            if let Err(error) = copy(face, &turn, tier, key, &loaded.bytes).await {
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
        let decoded = loaded.frame().and_then(|frame| self.values.decode(&frame, most, to));
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
            self.values.decode(&frame, most, to)?;
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

fn check(bytes: &[u8], key: &EntryKey) -> Result<Found, Error> {
    let frame = Frame::read(bytes)?;
    let fits = frame.key == key.full() && !frame.is_over(clock::unix_now());
    Ok(if fits { Found::Alive } else { Found::Other })
}

/// The same frame for another tier, where entries may live shorter: the remaining time, never more.
async fn copy(face: Face, turn: &Turn, tier: &Tier, key: &EntryKey, bytes: &[u8]) -> Result<(), Error> {
    let frame = Frame::read(bytes)?;
    let expires = tier.terms.end(frame.expires, clock::unix_now());
    let tags: Vec<String> = frame.tags.iter().map(str::to_owned).collect();
    let bytes = with_expiry(bytes, expires)?;
    let (turn, flat) = (turn.clone(), key.flat().to_vec());
    let work = move |store: &dyn Backend| {
        let _turn = turn;
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        store.set(&flat, Item { bytes: &bytes, expires, tags: &tags })
    };
    face.ask(&tier.store, work).await
}

impl super::tier::Terms {
    /// The end of an entry in this tier.
    pub(super) fn end(&self, expires: Option<UnixMillis>, now: UnixMillis) -> Option<UnixMillis> {
        let most = self.ttl.map(|ttl| now.saturating_add(ttl));
        match (expires, most) {
            (Some(expires), Some(most)) => Some(expires.min(most)),
            (expires, most) => expires.or(most),
        }
    }
}
