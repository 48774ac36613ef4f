//! What a call would find in the stores, and why it would find nothing. Nothing is changed or counted for that.

use std::{any::Any, ops::ControlFlow, time::Duration};

use super::{
    EntryKey, Face, Loaded, Space, Stores,
    read::{self, Facts, Found},
    tier::Tier,
};
use crate::{backend::Backend, call::explanation::Explanation, clock, error::Error, wire::Frame};

impl Stores {
    /// The entry that a call would take, or why there is none: of several reasons that of the fastest tier.
    pub(crate) async fn explain(&self, face: Face, key: &EntryKey) -> Result<Loaded, Explanation> {
        let epoch = self.epoch(key);
        let tiers = match self.tiers.get(face).await {
            Ok(tiers) => tiers,
            Err(error) => return Err(unavailable(self.tiers.describe().0, &error)),
        };
        let mut reason = Explanation::Absent;
        for (number, tier) in tiers.iter().enumerate() {
            match see(face, tier, key).await {
                Ok((bytes, facts)) => return Ok(Loaded::new((bytes, facts), number, epoch)),
                Err(other) => reason = reason.or(other),
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
    pub(crate) fn decode_to_explain(&self, loaded: &Loaded, to: &mut dyn Any) -> Result<(), Explanation> {
        let undecodable =
            |error: Error| Explanation::Undecodable { tier: self.stores.tier_name(loaded), reason: error.to_string() };
        self.decoded(loaded, to).map_err(undecodable)
    }
}

/// The entry of a key in one tier.
async fn see(face: Face, tier: &Tier, key: &EntryKey) -> Result<(Vec<u8>, Facts), Explanation> {
    let flat = key.flat().to_vec();
    let name = tier.store.name();
    let bytes = match face.ask(&tier.store, move |store| store.get(&flat)).await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(Explanation::Absent),
        Err(error) => return Err(unavailable(name.to_owned(), &error)),
    };
    match read::check(&bytes, key) {
        Ok(Found::Alive(facts)) => Ok((bytes, facts)),
        Ok(Found::Over) => Err(Explanation::Expired),
        Ok(Found::Other) => Err(Explanation::Absent),
        Err(error) if error.is_newer() => Err(Explanation::Newer { tier: name, reason: error.to_string() }),
        Err(error) => Err(Explanation::Corrupt { tier: name, reason: error.to_string() }),
    }
}

/// Does a tier that enumerates have the key's entry of another version?
async fn other_version(face: Face, tier: &Tier, key: &EntryKey) -> Explanation {
    let (prefix, full) = (key.all_versions(), key.full().to_owned());
    let work = move |store: &dyn Backend| {
        let (mut created, now) = (None, clock::unix_now());
        let scanned = store.scan(&prefix, &mut |_, bytes| match Frame::read(bytes) {
            Ok(frame) if frame.key == full && !frame.is_over(now) => {
                created = Some(frame.created);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        });
        scanned.ok().and(created).map(|created| Duration::from_millis(now.saturating_sub(created)))
    };
    match face.ask(&tier.store, work).await {
        Some(age) => Explanation::OtherVersion { tier: tier.store.name(), age },
        None => Explanation::Absent,
    }
}

fn unavailable(tier: String, error: &Error) -> Explanation {
    Explanation::Unavailable { tier, reason: error.to_string() }
}
