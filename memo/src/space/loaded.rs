//! An entry as it was found: its frame, which is taken apart and verified once, and its value, which is decoded where its type is known.

use std::{any::Any, sync::LazyLock};

use serde::{Serialize, de::DeserializeOwned};

use super::{EntryKey, Space};
use crate::{
    backend::UnixMillis,
    clock::{self, Millis},
    error::Error,
    freshness::fingerprint::Fingerprint,
    memory::stamp::{self, Stamp},
    tags::Tag,
    wire::{
        Frame, Through, Wire,
        frame::{Parts, value_from},
    },
};

/// An entry as it was read: a frame that was verified, of the right key, and alive.
pub(crate) struct Loaded {
    pub(super) bytes: Vec<u8>,
    pub(super) facts: Facts,
    /// The number of the tier.
    tier: usize,
    /// What the stripe's epoch was before the entry was read.
    pub(super) epoch: u64,
}

/// What a frame says, so that it is taken apart and verified once.
pub(super) struct Facts {
    /// `None` if something of it is not known here.
    through: Option<Through>,
    /// Where the value begins.
    value: usize,
    pub(super) created: UnixMillis,
    pub(super) expires: Option<UnixMillis>,
    /// `None`: it is fresh until it expires.
    fresh_until: Option<UnixMillis>,
    /// Nanoseconds that it took to compute; 0 if that is not known.
    cost: u64,
    /// The time to live that a hit begins anew; 0: none.
    pub(super) window: Millis,
    pub(super) tags: Box<[Tag]>,
    dependency: Option<Fingerprint>,
}

/// The bytes of an entry that was verified, and what they say.
pub(super) type Verified = (Vec<u8>, Facts);

impl Facts {
    fn of(frame: &Parts<'_>, bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self {
            through: Through::known(frame.codec, frame.compressors),
            value: frame.value_at(bytes),
            created: frame.created,
            expires: frame.expires,
            fresh_until: frame.fresh_until,
            cost: frame.cost,
            window: frame.window.unwrap_or(0),
            tags: if frame.has_tags() { frame.tags()?.iter().map(Tag::from).collect() } else { Box::default() },
            dependency: frame.dependency.map(Fingerprint::read),
        })
    }

    /// Has a hit to restart it?
    pub(super) fn is_due(&self) -> bool {
        is_due(self.fresh_until.or(self.expires), self.window)
    }

    /// Its times on the process's clock.
    fn stamp(&self) -> Stamp {
        let present = (clock::now(), clock::unix_now());
        let Self { created, expires, fresh_until, window, .. } = self;
        let stamp = Stamp::new(clock::from_unix(Some(*created), present), clock::from_unix(*expires, present));
        let grace = expires.zip(*fresh_until).map_or(0, |(expires, fresh_until)| expires.saturating_sub(fresh_until));
        stamp.sliding(*window).with_grace(grace)
    }

    /// The same, and its tags but for those that all entries of the function have.
    fn about(&self, literal: &[&str]) -> (Stamp, Vec<Tag>) {
        (self.stamp(), self.tags.iter().filter(|tag| !literal.contains(&tag.as_str())).cloned().collect())
    }
}

impl Loaded {
    pub(super) fn new((bytes, facts): Verified, tier: usize, epoch: u64) -> Self {
        Self { bytes, facts, tier, epoch }
    }

    pub(super) fn tier(&self) -> usize {
        self.tier
    }

    /// Has a hit to restart it?
    pub(super) fn is_due(&self) -> bool {
        self.facts.is_due()
    }

    /// Its times on the process's clock.
    pub(crate) fn stamp(&self) -> Stamp {
        self.facts.stamp()
    }

    pub(crate) fn created(&self) -> UnixMillis {
        self.facts.created
    }

    /// Its time to live was begun anew: from now on it ends then.
    pub(super) fn ends_at(&mut self, expires: UnixMillis) {
        let Facts { expires: before, fresh_until, .. } = &mut self.facts;
        if let Some((before, fresh_until)) = before.zip(fresh_until.as_mut()) {
            *fresh_until = expires.saturating_sub(before.saturating_sub(*fresh_until));
        }
        *before = Some(expires);
    }

    /// What its dependency looked like before it was made.
    pub(crate) fn dependency(&self) -> Option<&Fingerprint> {
        self.facts.dependency.as_ref()
    }

    /// Nanoseconds that it took to compute; 0 if that is not known.
    pub(crate) fn cost(&self) -> u64 {
        self.facts.cost
    }

    /// Is it an entry that a scan found, with another end at most?
    pub(crate) fn is(&self, stored: &Stored) -> bool {
        let Stored(bytes, facts) = stored;
        facts.created == self.facts.created && value_from(bytes, facts.value) == self.value()
    }

    fn value(&self) -> &[u8] {
        value_from(&self.bytes, self.facts.value)
    }

    /// Its times on the process's clock, and its tags but for those that all entries of the function have.
    pub(crate) fn about(&self, literal: &[&str]) -> (Stamp, Vec<Tag>) {
        self.facts.about(literal)
    }
}

/// An entry that a scan found: a frame that was verified.
pub(crate) struct Stored(Vec<u8>, Facts);

impl Stored {
    /// As for [`Loaded`].
    pub(crate) fn about(&self, literal: &[&str]) -> (Stamp, Vec<Tag>) {
        self.1.about(literal)
    }
}

/// The bytes of an entry that is alive, and not stale: who looks at a whole store knows of no windows.
pub(super) fn alive(bytes: &[u8]) -> Option<Stored> {
    let frame = Parts::read(bytes).ok()?;
    let now = clock::unix_now();
    if frame.is_over(now) || frame.fresh_until.is_some_and(|end| end <= now) {
        return None;
    }
    Some(Stored(bytes.to_vec(), Facts::of(&frame, bytes).ok()?))
}

impl Space {
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
        let Some(through) = &loaded.facts.through else { return Err(unknown(&loaded.bytes)) };
        self.values.decode(through, loaded.value(), most, to)
    }

    /// Reads an entry of a cache: gives the key, and puts the value into an `Option`. What can't be decoded counts as an error.
    pub(crate) fn reopen<K: DeserializeOwned>(&self, stored: &Stored, to: &mut dyn Any) -> Option<K> {
        let most = self.stores.tiers.max_value(usize::MAX);
        let mut read = || {
            let frame = Frame::read(&stored.0)?;
            let data = frame.key_data.ok_or_else(|| Error::corrupt("the entry has no key that can be read"))?;
            let key = key_of(data)?;
            self.values.decode(&Through::named(frame.codec, frame.compressors)?, frame.value, most, to)?;
            Ok(key)
        };
        let key: Result<K, Error> = read();
        key.inspect_err(|error| self.stores.failed(error)).ok()
    }
}

/// What of that which a value went through is not known here.
#[cold]
fn unknown(bytes: &[u8]) -> Error {
    let named = Frame::read(bytes).and_then(|frame| Through::named(frame.codec, frame.compressors));
    named.err().unwrap_or_else(|| Error::corrupt("its codec has become known a moment ago"))
}

/// The codec of keys that are to be read again.
const KEYS: &str = "bincode";

/// A key as bytes, to be read again.
pub(super) fn key_data<K: Serialize + DeserializeOwned>(key: &K) -> Result<Vec<u8>, Error> {
    static WIRE: LazyLock<Wire> = LazyLock::new(|| Wire::parse(KEYS).expect("it is a codec's name"));
    Ok(WIRE.encode_checked(key)?.bytes)
}

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
    let frame = Parts::read(bytes)?;
    Ok(match standing(&frame, key) {
        Standing::Alive => Found::Alive(Facts::of(&frame, bytes)?),
        Standing::Over => Found::Over,
        Standing::Other => Found::Other,
    })
}

/// What a frame is that stands under a key: as [`Found`].
pub(super) enum Standing {
    Alive,
    Over,
    Other,
}

pub(super) fn standing(frame: &Parts<'_>, key: &EntryKey) -> Standing {
    match frame.expires {
        _ if frame.key != key.full().as_bytes() => Standing::Other,
        Some(_) if frame.is_over(clock::unix_now()) => Standing::Over,
        _ => Standing::Alive,
    }
}

/// Has a hit to restart an entry with this end and window?
pub(super) fn is_due(expires: Option<UnixMillis>, window: Millis) -> bool {
    let restarts_from = expires.filter(|_| window != 0).map(|end| stamp::restarts_from(end, window));
    restarts_from.is_some_and(|due| due <= clock::unix_now())
}
