//! The same for several entries of one function or cache: stores are asked once for all of them.

use super::{Home, Key, Place, Setting};
use crate::{
    call::entry::Entry,
    error::Error,
    space::{EntryKey, Face, Outcome, Space, Turn},
};

/// The stores that several places share, and their keys there.
fn beyond<'a>(places: impl Iterator<Item = Option<&'a super::Beyond>>) -> Option<(&'a Space, Vec<&'a EntryKey>)> {
    let mut stores = None;
    let keys = places.flatten().map(|(space, key)| {
        stores = Some(&**space);
        &**key
    });
    let keys = keys.collect();
    stores.map(|space| (space, keys))
}

/// The entries in the stores, of which memory gets copies.
pub(crate) async fn read_through<H: Home, V: Send + Sync + 'static>(
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
pub(crate) async fn delete<H: Home>(places: &[Place<H>], face: Face, keys: &[Key<'_>]) -> Result<Vec<bool>, Error> {
    let outside = beyond(places.iter().map(|place| place.outside.as_ref()));
    let mut turns: Vec<Turn> = Vec::new();
    let mut removed = Ok(vec![false; places.len()]);
    if let Some((space, entries)) = outside {
        turns = space.stores.turns(face, &entries).await;
        removed = space.stores.remove_many(face, &turns, &entries).await;
    }
    let from_memory: Vec<bool> = places.iter().zip(keys).map(|(place, key)| place.delete_from_memory(*key)).collect();
    drop(turns);
    Ok(removed?.into_iter().zip(from_memory).map(|(stored, kept)| stored || kept).collect())
}

/// Puts values in their places; says for each whether it is there, or yielded to another.
pub(crate) async fn set<H: Home, V: Send + Sync + 'static>(
    mut settings: Vec<Setting<H, V>>,
    face: Face,
    keys: &[Key<'_>],
) -> Result<Vec<bool>, Error> {
    let offers: Vec<_> = settings.iter_mut().filter_map(|setting| setting.offer.take()).collect();
    let mut turns: Vec<Turn> = Vec::new();
    let mut written = Ok(vec![Outcome::Stored; settings.len()]);
    if let Some((space, entries)) = beyond(settings.iter().map(|setting| setting.place.outside.as_ref())) {
        turns = space.stores.turns(face, &entries).await;
        written = space.stores.write_many(face, &turns, offers).await;
    }
    let mut set = Vec::with_capacity(settings.len());
    match written {
        Ok(written) => {
            for ((setting, key), written) in settings.into_iter().zip(keys).zip(written) {
                set.push(setting.finish(Ok(written), *key)?);
            }
        }
        Err(error) => {
            for (setting, key) in settings.into_iter().zip(keys) {
                // Which of them the stores took is not known: memory keeps none.
                let _ = setting.finish(Err(error.again()), *key);
            }
            return Err(error);
        }
    }
    drop(turns);
    Ok(set)
}
