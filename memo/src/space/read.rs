//! Reading: the first tier that has an entry answers, and those before it get a copy.

use super::{EntryKey, Face, Space, tier::Tier};
use crate::{
    backend::{Item, UnixMillis},
    clock,
    error::Error,
    wire::Frame,
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

    /// The epoch before the reading.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }
}

/// What bytes are that were found under a key.
enum Found {
    Alive,
    /// Over, or another's: not to be used, and no fault.
    Other,
}

impl Space {
    /// The entry of a key. What can't be read counts as an error and as absent.
    pub(crate) async fn read(&self, face: Face, key: &EntryKey) -> Option<Loaded> {
        let epoch = self.epoch(key);
        let tiers = match self.tiers.get(face).await {
            Ok(tiers) => tiers,
            Err(error) => {
                self.failed(&error);
                return None;
            }
        };
        for (number, tier) in tiers.iter().enumerate() {
            match self.read_tier(face, tier, key).await {
                Ok(None) => {}
                Ok(Some(bytes)) => {
                    let loaded = Loaded { bytes, tier: number, epoch };
                    self.carry_up(face, &tiers[..number], key, &loaded).await;
                    return Some(loaded);
                }
                Err(error) => self.failed(&error),
            }
        }
        None
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
            Err(error) => {
                self.discard(face, tier, key, bytes).await;
                Err(error)
            }
        }
    }

    /// Removes bytes that do not verify, if they still stand there.
    async fn discard(&self, face: Face, tier: &Tier, key: &EntryKey, bytes: Vec<u8>) {
        let flat = key.flat().to_vec();
        let work = move |store: &dyn crate::backend::Backend| {
            store.update(&flat, &mut |now| match now {
                Some(now) if now == bytes => crate::backend::Change::Remove,
                _ => crate::backend::Change::Keep,
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
        let _turn = self.turn(face, key).await;
        if self.epoch(key) != loaded.epoch {
            return;
        }
        for tier in tiers {
            if let Err(error) = copy(face, tier, key, &loaded.bytes).await {
                self.failed(&error);
            }
        }
    }

    /// Decodes an entry into an `Option` of the function's type; what can't be decoded counts as an error.
    pub(crate) fn decode(&self, loaded: &Loaded, to: &mut dyn std::any::Any) -> bool {
        let wire = self.tiers.wire(loaded.tier);
        let decoded = loaded.frame().and_then(|frame| match wire {
            Some(wire) => self.values.decode(&frame, wire, to),
            None => Err(Error::corrupt("the tier is gone")),
        });
        decoded.inspect_err(|error| self.failed(error)).is_ok()
    }
}

fn check(bytes: &[u8], key: &EntryKey) -> Result<Found, Error> {
    let frame = Frame::read(bytes)?;
    let fits = frame.key() == key.full() && !frame.is_over(clock::unix_now());
    Ok(if fits { Found::Alive } else { Found::Other })
}

/// The same frame for another tier, where entries may live shorter: the remaining time, never more.
async fn copy(face: Face, tier: &Tier, key: &EntryKey, bytes: &[u8]) -> Result<(), Error> {
    let frame = Frame::read(bytes)?;
    let expires = tier.terms.end(frame.expires(), clock::unix_now());
    let tags: Vec<String> = frame.tags().map(str::to_owned).collect();
    let bytes = crate::wire::with_expiry(bytes, expires)?;
    let flat = key.flat().to_vec();
    let work = move |store: &dyn crate::backend::Backend| {
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
