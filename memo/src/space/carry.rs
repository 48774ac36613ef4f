//! Copies of what a tier had in the tiers before it.

use std::sync::Arc;

use super::{EntryKey, Face, Loaded, Since, Stores, loaded::Facts, tier::LiveTier, write::written};
use crate::{
    backend::{Item, Moment, Store, UnixMillis},
    clock,
    error::Error,
    tags::Tag,
    wire::Frame,
};

impl Stores {
    /// Copies entries into the tiers before the one that had them, but for those that changed since.
    pub(super) async fn carry_up(
        self: &Arc<Self>,
        face: Face,
        tiers: &[Arc<LiveTier>],
        found: &[(&EntryKey, &Loaded, &Since)],
    ) {
        if tiers.is_empty() || found.is_empty() {
            return;
        }
        let carry = |(number, tier): (usize, &Arc<LiveTier>)| {
            // That their frames are sound was found before.
            let carry = |(key, loaded, since): &(&EntryKey, &Loaded, &Since)| {
                carried(tier, key, loaded, since.moments.get(number).copied().flatten()).ok()
            };
            (tier.clone(), found.iter().map(carry).collect::<Vec<_>>())
        };
        let copies: Vec<_> = tiers.iter().enumerate().map(carry).collect();
        let keys: Vec<(EntryKey, u64)> = found.iter().map(|(key, loaded, _)| ((*key).clone(), loaded.epoch)).collect();
        let stores = self.clone();
        let change = async move {
            let _turns = stores.turns(face, keys.iter().map(|(key, _)| key)).await;
            let same: Vec<bool> = keys.iter().map(|(key, epoch)| stores.epoch(key) == *epoch).collect();
            for (tier, entries) in copies {
                let entries =
                    entries.into_iter().zip(&same).filter_map(|(entry, same)| entry.filter(|_| *same)).collect();
                let paid = stores.pay(face, &tier).await;
                let carried = match paid {
                    Ok(()) => put_carried(face, &tier, entries).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = carried {
                    stores.failed(&error);
                }
            }
        };
        face.finish(change).await;
    }
}

/// An entry on its way into a tier before the one that had it.
struct Carried {
    flat: Vec<u8>,
    bytes: Vec<u8>,
    expires: Option<UnixMillis>,
    tags: Vec<String>,
    since: Option<Moment>,
}

/// The same frame for another tier, where entries may live shorter: the remaining time, never more.
fn carried(tier: &LiveTier, key: &EntryKey, loaded: &Loaded, since: Option<Moment>) -> Result<Carried, Error> {
    let Facts { expires, window, tags, .. } = &loaded.facts;
    let expires = tier.terms().end(*expires, clock::unix_now());
    let tags = tags.iter().map(Tag::to_string).collect();
    let frame = Frame { expires, window: tier.terms().window(*window), ..Frame::read(&loaded.bytes)? };
    Ok(Carried { flat: key.flat().to_vec(), bytes: written(&frame)?, expires, tags, since })
}

/// Puts entries into a tier, in the turns of their keys.
async fn put_carried(face: Face, tier: &LiveTier, entries: Vec<Carried>) -> Result<(), Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let work = move |store: Store| async move {
        let tags: Vec<Vec<&str>> =
            entries.iter().map(|entry| entry.tags.iter().map(String::as_str).collect()).collect();
        let items = entries.iter().zip(&tags).map(|(entry, tags)| {
            (&*entry.flat, Item::new(&entry.bytes).expires(entry.expires).tags(tags).since(entry.since))
        });
        store.set_many(&items.collect::<Vec<_>>()).await
    };
    tier.change(face, work).await
}
