//! The same for several entries of one function or cache: stores are asked once for all of them.

use std::collections::HashSet;

use super::{Home, Key, Place, Setting, held};
use crate::{
    call::entry::Entry,
    error::Error,
    key::Held,
    space::{EntryKey, Face, Offer, Outcome, Space, Turn},
};

/// The stores that several places share, and their keys there.
fn beyond<'a>(places: impl Iterator<Item = Option<&'a super::Beyond>>) -> Option<(&'a Space, Vec<&'a EntryKey>)> {
    let mut stores = None;
    let keys = places.flatten().map(|(space, key)| {
        stores = Some(&**space);
        key
    });
    let keys = keys.collect();
    stores.map(|space| (space, keys))
}

/// The entries in the stores, of which memory gets copies.
pub(crate) async fn read_through<H: Home + Send + Sync + 'static, V: Send + Sync + 'static>(
    places: &[Place<H>],
    face: Face,
    keys: &[Key<'_>],
    copy: fn(&V) -> V,
) -> Result<Vec<Option<Entry<V>>>, Error> {
    let outside = beyond(places.iter().map(|place| place.outside.as_ref()));
    let Some((space, entries)) = outside else { return Ok(places.iter().map(|_| None).collect()) };
    let seen: Vec<u64> = entries.iter().map(|entry| space.stores.epoch(entry)).collect();
    let loaded = space.read_many(face, &entries).await?;
    let mut found = Vec::with_capacity(places.len());
    for (((place, key), seen), loaded) in places.iter().zip(keys).zip(seen).zip(loaded) {
        // One that can't be decoded is counted, and the others are still given.
        let entry = loaded.and_then(|loaded| {
            let entry = place.opened::<V>(space, &loaded);
            space.used(&loaded, entry.is_some());
            entry
        });
        if let Some(entry) = &entry {
            place.fill_memory(*key, seen, entry, copy);
        }
        found.push(entry);
    }
    Ok(found)
}

/// Removes entries everywhere, and keeps running bodies from storing theirs; says for each whether there was one.
pub(crate) async fn delete<H>(places: &[Place<H>], face: Face, keys: &[Key<'_>]) -> Result<Vec<bool>, Error>
where
    H: Home + Send + Sync + 'static,
{
    let (places, keys) = (places.to_vec(), all_held(keys)?);
    let change = async move {
        let mut turns: Vec<Turn> = Vec::new();
        let mut removed = Ok(vec![false; places.len()]);
        if let Some((space, entries)) = beyond(places.iter().map(|place| place.outside.as_ref())) {
            turns = space.stores.turns(face, entries.iter().copied()).await;
            removed = space.stores.remove_many(face, &turns, &entries).await;
        }
        let from_memory = places.iter().zip(&keys).map(|(place, key)| place.delete_from_memory(&**key));
        let from_memory: Vec<bool> = from_memory.collect();
        drop(turns);
        Ok(removed?.into_iter().zip(from_memory).map(|(stored, kept)| stored || kept).collect())
    };
    face.finish(change).await
}

/// Puts values in their places; says for each whether it is there, or yielded to another.
pub(crate) async fn set<H, V>(
    mut settings: Vec<Setting<H, V>>,
    face: Face,
    keys: &[Key<'_>],
) -> Result<Vec<bool>, Error>
where
    H: Home + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    let keys = all_held(keys)?;
    let change = async move {
        let mut turns: Vec<Turn> = Vec::new();
        let mut written = Ok(vec![Outcome::Stored; settings.len()]);
        if let Some((space, entries)) = beyond(settings.iter().map(|setting| setting.place.outside.as_ref())) {
            let space = space.stores.clone();
            turns = space.turns(face, entries.iter().copied()).await;
            let (places, offers): (Vec<usize>, Vec<Offer>) = offers(&mut settings, &keys).into_iter().unzip();
            written = space.write_many(face, &turns, offers).await.map(|outcomes| {
                let mut written = vec![Outcome::Yielded; settings.len()];
                places.into_iter().zip(outcomes).for_each(|(at, outcome)| written[at] = outcome);
                written
            });
        }
        let mut set = Vec::with_capacity(settings.len());
        for (at, (setting, key)) in settings.into_iter().zip(&keys).enumerate() {
            // If it failed, it is not known which of them the stores took: memory keeps none.
            let written = written.as_ref().map(|written| written[at]).map_err(Error::again);
            set.push(setting.finish(written, &**key));
        }
        drop(turns);
        set.into_iter().collect()
    };
    face.finish(change).await
}

/// What the stores are to take, with its places in the batch: all but what yields to an entry in memory that none before it in
/// the batch replaces.
fn offers<H, V>(settings: &mut [Setting<H, V>], keys: &[Held]) -> Vec<(usize, Offer)>
where
    H: Home + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    let mut replaced = HashSet::new();
    let mut offers = Vec::with_capacity(settings.len());
    for (at, (setting, key)) in settings.iter_mut().zip(keys).enumerate() {
        if !setting.yields {
            replaced.insert(setting.place.hash);
        } else if !replaced.contains(&setting.place.hash) && setting.yields_to_memory(&**key) {
            continue;
        }
        offers.extend(setting.offer.take().map(|offer| (at, offer)));
    }
    offers
}

/// The keys, to be asked with when the arguments are gone.
fn all_held(keys: &[Key<'_>]) -> Result<Vec<Held>, Error> {
    keys.iter().map(|key| held(*key)).collect()
}
