//! Writing: a value becomes a frame for each tier, and goes into the last one first.

use std::{
    any::Any,
    ops::Range,
    sync::{Arc, atomic::Ordering},
};

use super::{EntryKey, Face, SWEEP_EVERY, Space, Stores, Turn, face::in_background, tier::OpenTier};
use crate::{
    backend::{Change, Item, Store, UnixMillis, hook},
    clock,
    error::Error,
    wire::{
        Frame,
        frame::{Tags, with_expiry},
    },
};

/// A value on its way into the stores of a space.
pub(crate) struct Offer {
    key: EntryKey,
    /// By the tiers.
    frames: Vec<Written>,
    tags: Vec<String>,
    /// It does not take the place of a live entry.
    yields: bool,
    /// It has expired already: an older entry is removed, and none is stored.
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
    /// Nanoseconds that it took to compute; 0 if that is not known.
    pub(crate) cost: u64,
    /// All tags, the literal ones too.
    pub(crate) tags: Vec<String>,
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

    /// Does it take the place of whatever is there?
    pub(super) fn is_plain(&self) -> bool {
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

    /// Puts it into a tier on its own; was it stored?
    async fn put(&self, store: &Store, tier: usize) -> Result<bool, Error> {
        let live = self.frames.get(tier).filter(|written| !self.is_over && !written.is_over(clock::unix_now()));
        match live {
            Some(Written { bytes, expires }) if self.yields => {
                set_if_absent(store, (&self.key, bytes), *expires, &self.tags).await
            }
            Some(Written { bytes, expires }) => {
                let tags: Vec<&str> = self.tags.iter().map(String::as_str).collect();
                store.set(self.key.flat(), Item { bytes, expires: *expires, tags: &tags }).await.map(|()| true)
            }
            None if self.yields => Ok(false),
            // What is over still takes the place of what was there before.
            None => store.remove_prefix(&self.key.all_versions()).await.map(|_| false),
        }
    }
}

impl Space {
    /// Encodes a value, of the type that the space holds.
    ///
    /// # Errors
    ///
    /// If the codec can't write it.
    pub(crate) fn offer(&self, key: EntryKey, value: &dyn Any, about: About) -> Result<Offer, Error> {
        let About { expires, cost, tags, yields } = about;
        let names: Vec<&str> = tags.iter().map(String::as_str).collect();
        let now = clock::unix_now();
        let mut frames = Vec::new();
        for terms in self.stores.tiers.terms()? {
            let encoded = self.values.encode(value, &terms.wire)?;
            let expires = terms.end(expires, now);
            let frame = Frame {
                codec: encoded.codec,
                compressors: encoded.compressors,
                created: now,
                expires,
                cost,
                tags: Tags::from(&*names),
                key: key.full(),
                key_data: key.data(),
                value: &encoded.bytes,
            };
            let mut bytes = Vec::new();
            frame.write(&mut bytes)?;
            frames.push(Written { bytes, expires });
        }
        let is_over = expires.is_some_and(|expires| expires <= now);
        Ok(Offer { key, frames, tags, yields, is_over })
    }
}

impl Stores {
    /// Stores a value, in the caller's turn; was it stored in any tier?
    pub(crate) async fn write(self: &Arc<Self>, face: Face, turn: &Turn, offer: Offer) -> Result<bool, Error> {
        let written = self.write_many(face, std::slice::from_ref(turn), vec![offer]).await;
        written.map(|stored| stored == [true])
    }

    /// Stores several values, in the turns of all their keys; says for each whether it was stored in any tier. All tiers are
    /// tried before it fails. With write-back, the first tier has the values when this returns, and the queue for the others.
    pub(crate) async fn write_many(
        self: &Arc<Self>,
        face: Face,
        turns: &[Turn],
        offers: Vec<Offer>,
    ) -> Result<Vec<bool>, Error> {
        let (stores, turns) = (self.clone(), turns.to_vec());
        let offers: Vec<Arc<Offer>> = offers.into_iter().map(Arc::new).collect();
        let change = async move {
            let written = match &stores.back {
                Some(back) => stores.write_back(back, face, &offers).await,
                None => stores.put(face, 0..usize::MAX, &offers).await,
            };
            for offer in &offers {
                stores.changed(&offer.key);
            }
            drop(turns);
            written
        };
        let written = face.finish(change).await?;
        self.sweep();
        Ok(written)
    }

    /// Puts values into some of the tiers, the last one first; says for each whether it was stored in any. All are tried before
    /// it fails.
    pub(super) async fn put(
        &self,
        face: Face,
        numbers: Range<usize>,
        offers: &[Arc<Offer>],
    ) -> Result<Vec<bool>, Error> {
        let tiers = self.tiers.get(face).await?;
        let (mut stored, mut failed) = (vec![false; offers.len()], None);
        for (number, tier) in tiers.iter().enumerate().rev().filter(|(number, _)| numbers.contains(number)) {
            let offers = offers.to_vec();
            let work = move |store: Store| async move { put_all(&store, number, &offers).await };
            match face.ask(&tier.store, work).await {
                Ok(put) => stored.iter_mut().zip(put).for_each(|(stored, put)| *stored |= put),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(stored), Err)
    }

    /// Has expired entries removed, if that is due: on the pool of threads, so that no call waits for it.
    fn sweep(&self) {
        let (now, due) = (clock::now(), self.sweep_at.load(Ordering::Relaxed));
        let next = now.saturating_add(SWEEP_EVERY);
        if now < due || self.sweep_at.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        for OpenTier { store, .. } in self.tiers.opened().unwrap_or_default() {
            let (store, function) = (store.clone(), self.prefix.clone());
            let present = clock::unix_now();
            in_background(async move {
                if let Err(error) = store.purge(present).await {
                    hook::report(&function, &error);
                }
            });
        }
    }
}

/// Stores values in their order: those that stand together and take the place of whatever is there, as one batch.
async fn put_all(store: &Store, tier: usize, offers: &[Arc<Offer>]) -> Result<Vec<bool>, Error> {
    let now = clock::unix_now();
    let mut stored = Vec::with_capacity(offers.len());
    let sets = |offer: &Offer| offer.entry(tier, now).is_some();
    for together in offers.chunk_by(|one, next| sets(one) && sets(next)) {
        if let [one] = together {
            stored.push(one.put(store, tier).await?);
            continue;
        }
        let tags: Vec<Vec<&str>> =
            together.iter().map(|offer| offer.tags.iter().map(String::as_str).collect()).collect();
        let items = together.iter().zip(&tags).filter_map(|(offer, tags)| {
            let Written { bytes, expires } = offer.entry(tier, now)?;
            Some((offer.key.flat(), Item { bytes, expires: *expires, tags }))
        });
        store.set_many(&items.collect::<Vec<_>>()).await?;
        stored.extend(together.iter().map(|_| true));
    }
    Ok(stored)
}

/// Stores an entry unless a live one of the key is there; was it stored?
async fn set_if_absent(
    store: &Store,
    (key, bytes): (&EntryKey, &[u8]),
    expires: Option<UnixMillis>,
    tags: &[String],
) -> Result<bool, Error> {
    let mut stored = false;
    let mut set = |old: Option<&[u8]>| {
        stored = old.is_none_or(|old| !is_alive(old, key.full()));
        if stored { Change::Set { bytes: bytes.to_vec(), expires, tags: tags.to_vec() } } else { Change::Keep }
    };
    store.update(key.flat(), &mut set).await?;
    Ok(stored)
}

fn is_alive(bytes: &[u8], full: &str) -> bool {
    Frame::read(bytes).is_ok_and(|frame| frame.key == full && !frame.is_over(clock::unix_now()))
}

/// The entry of a key with another end, if it is alive; none if it has ended by then.
pub(super) fn retimed(bytes: &[u8], full: &str, expires: Option<UnixMillis>) -> Option<Change> {
    if !is_alive(bytes, full) {
        return None;
    }
    if expires.is_some_and(|expires| expires <= clock::unix_now()) {
        return Some(Change::Remove);
    }
    let tags = Frame::read(bytes).ok()?.tags.iter().map(str::to_owned).collect();
    Some(Change::Set { bytes: with_expiry(bytes, expires).ok()?, expires, tags })
}
