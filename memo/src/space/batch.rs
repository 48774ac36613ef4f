//! Several entries at once: one question to each store, and one change.

use std::sync::Arc;

use super::{
    EntryKey, Face, Loaded, Offer, Outcome, STRIPES, Space, Stores, Turn,
    read::{Verified, carried, carry, is_down},
    tally::Tally,
    tier::Tier,
};
use crate::{backend::Backend, error::Error};

impl Space {
    /// The entries of several keys, in their order, for a call each: see [`Stores::read_many`].
    pub(crate) async fn read_many(&self, face: Face, keys: &[&EntryKey]) -> Result<Vec<Option<Loaded>>, Error> {
        self.stores.read_many(face, keys, &self.tally).await
    }
}

impl Stores {
    /// Waits for the right to change the entries of several keys. Everybody takes the stripes in the same order, so nobody
    /// waits in a circle.
    pub(crate) async fn turns(&self, face: Face, keys: &[&EntryKey]) -> Vec<Turn> {
        let mut stripes: Vec<usize> = keys.iter().map(|key| key.stripe() % STRIPES).collect();
        stripes.sort_unstable();
        stripes.dedup();
        let mut turns = Vec::with_capacity(stripes.len());
        for stripe in stripes {
            turns.push(face.lock(&self.stripes[stripe].lock).await);
        }
        turns
    }

    /// The entries of several keys, in their order, for a call each. As for [`read`](Self::read), bytes that do not verify are as good as
    /// absent, and it is an error if an entry is in no tier and one of them can't be asked.
    async fn read_many(&self, face: Face, keys: &[&EntryKey], tally: &Tally) -> Result<Vec<Option<Loaded>>, Error> {
        tally.memory_missed(keys.len());
        let epochs: Vec<u64> = keys.iter().map(|key| self.epoch(key)).collect();
        let tiers = self.tiers.get(face).await.inspect_err(|error| self.failed(error))?;
        let mut loaded: Vec<Option<Loaded>> = keys.iter().map(|_| None).collect();
        let mut down = None;
        for (number, tier) in tiers.iter().enumerate() {
            let missing: Vec<usize> = (0..keys.len()).filter(|&at| loaded[at].is_none()).collect();
            if missing.is_empty() {
                break;
            }
            for (at, read) in missing.iter().zip(self.ask_tier(face, tier, keys, &missing).await) {
                match read {
                    Ok(Some(verified)) => loaded[*at] = Some(Loaded::new(verified, number, epochs[*at])),
                    Ok(None) => tally.missed(number),
                    Err(error) => {
                        self.failed(&error);
                        down = down.or(Some(error).filter(is_down));
                    }
                }
            }
            for &at in &missing {
                if let Some(loaded) = &mut loaded[at] {
                    self.restart(face, &tiers[number..], keys[at], loaded).await;
                }
            }
            let found: Vec<_> =
                missing.iter().filter_map(|&at| loaded[at].as_ref().map(|loaded| (keys[at], loaded))).collect();
            self.carry_up_many(face, &tiers[..number], &found).await;
        }
        match down {
            Some(error) if loaded.iter().any(Option::is_none) => Err(error),
            _ => Ok(loaded),
        }
    }

    /// What a tier has under some of the keys. If it can't answer for all of them together, the error stands in the place of
    /// the first; if the fault is in what it found, each is asked for on its own.
    async fn ask_tier(
        &self,
        face: Face,
        tier: &Tier,
        keys: &[&EntryKey],
        missing: &[usize],
    ) -> Vec<Result<Option<Verified>, Error>> {
        let flat: Vec<Vec<u8>> = missing.iter().map(|&at| keys[at].flat().to_vec()).collect();
        let work = move |store: &dyn Backend| store.get_many(&flat.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let mut results = Vec::with_capacity(missing.len());
        match tier.ask(face, work).await {
            Ok(answers) => {
                for (&at, bytes) in missing.iter().zip(answers) {
                    results.push(self.verified(face, tier, keys[at], bytes).await);
                }
            }
            Err(error) if is_down(&error) => results.push(Err(error)),
            Err(_) => {
                for &at in missing {
                    results.push(self.read_tier(face, tier, keys[at]).await);
                }
            }
        }
        results
    }

    /// Copies entries into the tiers before the one that had them, but for those that changed since.
    async fn carry_up_many(&self, face: Face, tiers: &[Tier], found: &[(&EntryKey, &Loaded)]) {
        if tiers.is_empty() || found.is_empty() {
            return;
        }
        let keys: Vec<&EntryKey> = found.iter().map(|(key, _)| *key).collect();
        let turns = self.turns(face, &keys).await;
        let same = || found.iter().filter(|(key, loaded)| self.epoch(key) == loaded.epoch());
        for tier in tiers {
            // That their frames are sound was found before.
            let copies = same().filter_map(|(key, loaded)| carried(tier, key, loaded).ok()).collect();
            if let Err(error) = carry(face, &turns, tier, copies).await {
                self.failed(&error);
            }
        }
    }

    /// Stores several values in all tiers, the last one first, in the turns of all their keys; says for each what became
    /// of it. All tiers are tried before it fails.
    pub(crate) async fn write_many(
        &self,
        face: Face,
        turns: &[Turn],
        offers: Vec<Offer>,
    ) -> Result<Vec<Outcome>, Error> {
        let tiers = self.tiers.get(face).await?;
        let offers = Arc::new(offers);
        let (mut outcomes, mut failed) = (vec![Outcome::Yielded; offers.len()], None);
        for (number, tier) in tiers.iter().enumerate().rev() {
            let (turns, offered) = (turns.to_vec(), offers.clone());
            let work = move |store: &dyn Backend| {
                let _turns = turns;
                put_all(store, number, &offered)
            };
            match tier.ask(face, work).await {
                Ok(put) => outcomes.iter_mut().zip(put).for_each(|(outcome, put)| *outcome = put.max(*outcome)),
                Err(error) => failed = Some(error),
            }
        }
        for offer in &*offers {
            self.changed(offer.key());
        }
        failed.map_or(Ok(outcomes), Err)
    }

    /// Removes the entries of several keys, of all versions, from all tiers, in the turns of all of them; says for each whether
    /// there was one.
    pub(crate) async fn remove_many(&self, face: Face, turns: &[Turn], keys: &[&EntryKey]) -> Result<Vec<bool>, Error> {
        let turns = turns.to_vec();
        let prefixes: Arc<[Vec<u8>]> = keys.iter().map(|key| key.all_versions()).collect();
        let work = move |store: &dyn Backend| {
            let _turns = &turns;
            store.remove_prefixes(&prefixes.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        let removed = self.tiers.each(face, work).await;
        for key in keys {
            self.changed(key);
        }
        let removed = removed?;
        let was_there = |at: usize| removed.iter().any(|counts| counts.get(at).is_some_and(|count| *count > 0));
        Ok((0..keys.len()).map(was_there).collect())
    }
}

/// Stores values in their order: those that stand together and take the place of whatever is there, as one batch.
fn put_all(store: &dyn Backend, tier: usize, offers: &[Offer]) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::with_capacity(offers.len());
    for together in offers.chunk_by(|one, next| one.is_plain() && next.is_plain()) {
        match together {
            [one] if !one.is_plain() => outcomes.push(one.put(store, tier)?),
            _ => {
                let tags: Vec<Vec<&str>> = together.iter().map(Offer::tags).collect();
                let items = together.iter().zip(&tags).filter_map(|(offer, tags)| offer.item(tier, tags));
                store.set_many(&items.collect::<Vec<_>>())?;
                outcomes.extend(together.iter().map(|_| Outcome::Stored));
            }
        }
    }
    Ok(outcomes)
}
