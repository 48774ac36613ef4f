//! Writing: a value becomes a frame for each tier, and goes into the last one first.

use std::{any::Any, sync::atomic::Ordering};

use super::{EntryKey, Face, SWEEP_EVERY, Space, Stores, Turn, tier::Tier};
use crate::{
    backend::{Backend, Change, Item, UnixMillis, hook},
    clock::{self, Millis},
    error::Error,
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
    /// By the tiers. Shared, since what writes may outlive the call.
    frames: Vec<Written>,
    tags: Vec<String>,
    /// It does not take the place of a live entry.
    yields: bool,
    /// It has expired already, or can't be written: an older entry is removed, and none is stored.
    is_over: bool,
}

/// The entry for one tier.
#[derive(Clone)]
struct Written {
    bytes: Vec<u8>,
    expires: Option<UnixMillis>,
}

/// What is known of a value beside itself.
pub(crate) struct About {
    pub(crate) expires: Option<UnixMillis>,
    /// The time to live that a hit begins anew; 0: none.
    pub(crate) window: Millis,
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

    pub(super) fn tags(&self) -> Vec<&str> {
        self.tags.iter().map(String::as_str).collect()
    }

    /// Does it take the place of whatever is there?
    pub(super) fn is_plain(&self) -> bool {
        !self.yields && !self.is_over
    }

    /// The entry for a tier, with the tags that [`tags`](Self::tags) gives.
    pub(super) fn item<'a>(&'a self, tier: usize, tags: &'a [&'a str]) -> Option<(&'a [u8], Item<'a>)> {
        let Written { bytes, expires } = self.frames.get(tier)?;
        Some((self.key.flat(), Item { bytes, expires: *expires, tags }))
    }

    /// Puts it into a tier on its own.
    pub(super) fn put(&self, store: &dyn Backend, tier: usize) -> Result<Outcome, Error> {
        match (self.frames.get(tier), self.yields) {
            (Some(written), yields) if !self.is_over => {
                set(store, self.key.flat(), self.key.full(), written.clone(), &self.tags, yields)
            }
            (_, true) => Ok(Outcome::Yielded),
            (_, false) => store.remove_prefix(&self.key.all_versions()).map(|_| Outcome::Removed),
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
        let now = clock::unix_now();
        let frames = self.frames(&key, value, &about, now)?;
        let is_over = about.expires.is_some_and(|expires| expires <= now);
        Ok(Offer { key, frames, tags: about.tags, yields: about.yields, is_over })
    }

    /// The same for a value that has to take the place of an older one: if it can't be encoded, that is counted, and the
    /// older one goes all the same.
    pub(crate) fn offer_or_remove(&self, key: EntryKey, value: &dyn Any, about: About) -> Offer {
        let now = clock::unix_now();
        let frames = self.frames(&key, value, &about, now).inspect_err(|error| self.stores.failed(error)).ok();
        let is_over = frames.is_none() || about.expires.is_some_and(|expires| expires <= now);
        Offer { key, frames: frames.unwrap_or_default(), tags: about.tags, yields: about.yields, is_over }
    }

    /// The entry for each tier.
    fn frames(&self, key: &EntryKey, value: &dyn Any, about: &About, now: UnixMillis) -> Result<Vec<Written>, Error> {
        let tags: Vec<&str> = about.tags.iter().map(String::as_str).collect();
        let mut frames = Vec::new();
        for terms in self.stores.tiers.terms()? {
            let encoded = self.values.encode(value, &terms.wire)?;
            let expires = terms.end(about.expires, now);
            let frame = Frame {
                codec: encoded.codec,
                compressors: encoded.compressors,
                created: now,
                expires,
                window: terms.window(about.window),
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
    /// Stores a value in all tiers, the last one first, in the caller's turn; it is stored if one has it. All are tried before
    /// it fails.
    pub(crate) async fn write(&self, face: Face, turn: &Turn, offer: Offer) -> Result<Outcome, Error> {
        let Offer { key, frames, tags, yields, is_over } = offer;
        if is_over && yields {
            return Ok(Outcome::Yielded);
        }
        if is_over {
            return self.remove(face, turn, &key).await.map(|_| Outcome::Removed);
        }
        let tiers = self.tiers.get(face).await?;
        let (mut outcome, mut failed) = (Outcome::Yielded, None);
        for (tier, written) in tiers.iter().zip(frames).rev() {
            let (turn, flat, full, tags) = (turn.clone(), key.flat().to_vec(), key.full().to_owned(), tags.clone());
            let work = move |store: &dyn Backend| {
                let _turn = turn;
                set(store, &flat, &full, written, &tags, yields)
            };
            match tier.ask(face, work).await {
                Ok(put) => outcome = outcome.max(put),
                Err(error) => failed = Some(error),
            }
        }
        self.changed(&key);
        self.sweep(tiers);
        failed.map_or(Ok(outcome), Err)
    }

    /// Has expired entries removed, if that is due: on the pool of threads, so that no call waits for it.
    fn sweep(&self, tiers: &[Tier]) {
        let (now, due) = (clock::now(), self.sweep_at.load(Ordering::Relaxed));
        let next = now.saturating_add(SWEEP_EVERY);
        if now < due || self.sweep_at.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        for tier in tiers {
            let (store, present) = (tier.store.clone(), clock::unix_now());
            let function = self.prefix.clone();
            let sweep = move || store.purge(present).inspect_err(|error| hook::report(&function, error));
            blocking::unblock(sweep).detach();
        }
    }
}

/// Stores an entry, or yields to another.
fn set(
    store: &dyn Backend,
    flat: &[u8],
    full: &str,
    written: Written,
    tags: &[String],
    yields: bool,
) -> Result<Outcome, Error> {
    let Written { bytes, expires } = written;
    if !yields {
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        return store.set(flat, Item { bytes: &bytes, expires, tags: &tags }).map(|()| Outcome::Stored);
    }
    let mut outcome = Outcome::Yielded;
    store.update(flat, &mut |old| {
        if old.is_some_and(|old| is_alive(old, full)) {
            outcome = Outcome::Yielded;
            return Change::Keep;
        }
        outcome = Outcome::Stored;
        Change::Set { bytes: bytes.clone(), expires, tags: tags.to_vec() }
    })?;
    Ok(outcome)
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
    Some(Change::Set { bytes: written(&Frame { expires, window: None, ..frame }).ok()?, expires, tags })
}
