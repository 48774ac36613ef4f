//! Reading: the first tier that has an entry answers, and those before it get a copy.

use std::{
    any::Any,
    sync::{Arc, LazyLock},
};

use serde::{Serialize, de::DeserializeOwned};

use super::{EntryKey, Face, Space, Stores, Turn, back::Queued, tally::Tally, tier::LiveTier, write::written};
use crate::{
    backend::{Change, Item, Store, UnixMillis},
    clock::{self, Millis},
    error::Error,
    flight::wait::block_on,
    memory::stamp::{self, Stamp},
    tags::Tag,
    wire::{
        Frame, Through, Wire,
        frame::{Parts, value_from},
    },
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
    /// `None` if something of it is not known here.
    through: Option<Through>,
    /// Where the value begins.
    value: usize,
    created: UnixMillis,
    expires: Option<UnixMillis>,
    /// The time to live that a hit begins anew; 0: none.
    window: Millis,
    tags: Box<[Tag]>,
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
            window: frame.window.unwrap_or(0),
            tags: if frame.has_tags() { frame.tags()?.iter().map(Tag::from).collect() } else { Box::default() },
        })
    }

    fn is_due(&self) -> bool {
        let restarts_from = self.expires.filter(|_| self.window != 0).map(|end| stamp::restarts_from(end, self.window));
        restarts_from.is_some_and(|due| due <= clock::unix_now())
    }

    /// Its times on the process's clock, and its tags but for those that all entries of the function have.
    fn about(&self, literal: &[&str]) -> (Stamp, Vec<Tag>) {
        let present = (clock::now(), clock::unix_now());
        let Self { created, expires, window, tags, .. } = self;
        let stamp = Stamp::new(clock::from_unix(Some(*created), present), clock::from_unix(*expires, present));
        let stamp = stamp.sliding(*window);
        (stamp, tags.iter().filter(|tag| !literal.contains(&tag.as_str())).cloned().collect())
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

    pub(super) fn created(&self) -> UnixMillis {
        self.facts.created
    }

    pub(super) fn ends_at(&mut self, expires: UnixMillis) {
        self.facts.expires = Some(expires);
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

/// The bytes of an entry that is alive.
pub(super) fn alive(bytes: &[u8]) -> Option<Stored> {
    let frame = Parts::read(bytes).ok()?;
    if frame.is_over(clock::unix_now()) {
        return None;
    }
    Some(Stored(bytes.to_vec(), Facts::of(&frame, bytes).ok()?))
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
        self.read_on(face, key, reading, AtHand { epoch: self.epoch(key), answer: None }).await
    }

    async fn read_on(
        self: &Arc<Self>,
        face: Face,
        key: &EntryKey,
        reading: Reading<'_>,
        at_hand: AtHand,
    ) -> Result<Option<Loaded>, Error> {
        let (loaded, failed) = self.look(face, key, reading, at_hand).await;
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
    async fn look(
        self: &Arc<Self>,
        face: Face,
        key: &EntryKey,
        reading: Reading<'_>,
        at_hand: AtHand,
    ) -> (Option<Loaded>, Vec<Error>) {
        let AtHand { epoch, answer: mut first } = at_hand;
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
            let read = match (queued, first.take()) {
                (Some(Queued(bytes)), _) | (None, Some(Ok(bytes))) => self.verified(face, tier, key, bytes).await,
                (None, Some(Err(error))) => Err(error),
                (None, None) => self.read_tier(face, tier, key).await,
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

/// What a key's first tier answered before the tiers are asked one after the other, and the epoch before that.
struct AtHand {
    epoch: u64,
    answer: Option<Result<Option<Vec<u8>>, Error>>,
}

impl AtHand {
    /// Asks the first tier on this thread, if its store is open, and nothing can be newer than what is in it.
    fn ask(stores: &Stores, key: &EntryKey) -> Self {
        let epoch = stores.epoch(key);
        let first = stores.tiers.known().first().filter(|_| stores.back.is_none());
        let asked = first.and_then(|tier| Some((tier, tier.opened()?.blocking()?)));
        let answer = asked.map(|(tier, store)| store.get(key.flat()).inspect_err(|_| tier.failed()));
        Self { epoch, answer }
    }

    /// The entry, if there is one that nothing is to be done about.
    fn take(&mut self, key: &EntryKey) -> Option<Loaded> {
        let Some(Ok(Some(bytes))) = &mut self.answer else { return None };
        let Ok(Found::Alive(facts)) = check(bytes, key) else { return None };
        if facts.is_due() {
            return None;
        }
        Some(Loaded { bytes: std::mem::take(bytes), facts, tier: 0, epoch: self.epoch })
    }
}

impl Space {
    /// As [`read_for_use`](Self::read_for_use), on a thread: what the first tier has needs no future.
    pub(crate) fn read_here_for_use(&self, key: &EntryKey) -> Result<Option<Loaded>, Error> {
        let mut at_hand = AtHand::ask(&self.stores, key);
        if let Some(loaded) = at_hand.take(key) {
            self.tally.memory_missed(1);
            return Ok(Some(loaded));
        }
        block_on(self.stores.read_on(Face::Thread, key, Reading::ForUse(&self.tally), at_hand))
    }

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
        let Some(through) = &loaded.facts.through else { return Err(unknown(&loaded.bytes)) };
        self.values.decode(through, loaded.value(), most, to)
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
    Ok(match frame.expires {
        _ if frame.key != key.full().as_bytes() => Found::Other,
        Some(_) if frame.is_over(clock::unix_now()) => Found::Over,
        _ => Found::Alive(Facts::of(&frame, bytes)?),
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
