//! What a call would find in the stores, and why it would find nothing. Nothing is changed or counted for that.

use std::{any::Any, ops::ControlFlow, time::Duration};

use super::{
    EntryKey, Face, Loaded, Space, Stores,
    back::Queued,
    loaded::{Found, Verified, check},
    tier::LiveTier,
};
use crate::{backend::Store, call::explanation::Explanation, clock, error::Error, wire::Frame};

impl Stores {
    /// The entry that a call would take, and the name of its tier; or why there is none: of several reasons that of the fastest tier.
    pub(crate) async fn explain(&self, face: Face, key: &EntryKey) -> Result<(Loaded, &'static str), Explanation> {
        let epoch = self.epoch(key);
        let tiers = match self.tiers.all() {
            Ok(tiers) => tiers,
            Err(error) => return Err(unavailable(self.tiers.describe().0, &error)),
        };
        let mut reason = Explanation::Absent;
        for (number, tier) in tiers.iter().enumerate() {
            let queued = self.back.as_ref().and_then(|back| back.find(number, key));
            let is_queued = queued.is_some();
            let (name, seen) = match queued {
                Some(Queued(Some(bytes))) => ("queue", verified("queue", bytes, key)),
                Some(Queued(None)) => ("queue", Err(Explanation::Expired)),
                None => {
                    let seen = see(face, tier, key).await;
                    (tier.name(), seen)
                }
            };
            match seen {
                Ok(found) => return Ok((Loaded::new(found, number, epoch), name)),
                Err(other) => reason = reason.or(other),
            }
            if is_queued {
                // What stands behind it is older.
                break;
            }
        }
        for tier in tiers {
            if reason == Explanation::Absent {
                reason = other_version(face, tier, key).await;
            }
        }
        Err(reason)
    }
}

impl Space {
    /// Decodes the value of an entry that was found so.
    pub(crate) fn decode_to_explain(
        &self,
        (loaded, tier): (&Loaded, &'static str),
        to: &mut dyn Any,
    ) -> Result<(), Explanation> {
        let undecodable = |error: Error| Explanation::Undecodable { tier, reason: error.to_string() };
        self.decoded(loaded, to).map_err(undecodable)
    }
}

/// The entry of a key in one tier.
async fn see(face: Face, tier: &LiveTier, key: &EntryKey) -> Result<Verified, Explanation> {
    let flat = key.flat().to_vec();
    let opened = match tier.open(face).await {
        Ok(store) => store,
        Err(error) => return Err(unavailable(tier.scheme().to_owned(), &error)),
    };
    let name = opened.name();
    match face.ask(opened, move |store| async move { store.get(&flat).await }).await {
        Ok(Some(bytes)) => verified(name, bytes, key),
        Ok(None) => Err(Explanation::Absent),
        Err(error) => Err(unavailable(name.to_owned(), &error)),
    }
}

/// Bytes that were found under a key, if a call would take them.
fn verified(name: &'static str, bytes: Vec<u8>, key: &EntryKey) -> Result<Verified, Explanation> {
    match check(&bytes, key) {
        Ok(Found::Alive(facts)) => Ok((bytes, facts)),
        Ok(Found::Over) => Err(Explanation::Expired),
        Ok(Found::Other) => Err(Explanation::Absent),
        Err(error) if error.is_newer() => Err(Explanation::Newer { tier: name, reason: error.to_string() }),
        Err(error) => Err(Explanation::Corrupt { tier: name, reason: error.to_string() }),
    }
}

/// Does a tier that enumerates have the key's entry of another version?
async fn other_version(face: Face, tier: &LiveTier, key: &EntryKey) -> Explanation {
    let (prefix, full) = (key.all_versions(), key.full().to_owned());
    let work = move |store: Store| async move {
        let (mut created, now) = (None, clock::unix_now());
        let mut show = |_: &[u8], bytes: &[u8]| match Frame::read(bytes) {
            Ok(frame) if frame.key == full && !frame.is_over(now) => {
                created = Some(frame.created);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        };
        store
            .scan(&prefix, &mut show)
            .await
            .ok()
            .and(created)
            .map(|created| Duration::from_millis(now.saturating_sub(created)))
    };
    let Some(opened) = tier.opened() else { return Explanation::Absent };
    match face.ask(opened, work).await {
        Some(age) => Explanation::OtherVersion { tier: opened.name(), age },
        None => Explanation::Absent,
    }
}

fn unavailable(tier: String, error: &Error) -> Explanation {
    Explanation::Unavailable { tier, reason: error.to_string() }
}
