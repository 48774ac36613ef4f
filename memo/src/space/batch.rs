//! Several entries at once: one question to each store, and one change.

use std::sync::Arc;

use super::{
    EntryKey, Face, Loaded, Read, Since, Space, Stores, Turn, back::Queued, loaded::Verified, owed::Removal,
    read::is_down, shared::stripe_of, tally::Tally, tier::LiveTier,
};
use crate::{backend::Store, error::Error};

/// What the stores were found to have.
struct Answers {
    loaded: Vec<Option<Loaded>>,
    /// When the tiers were found to have no entry, by the keys, if that was asked.
    since: Vec<Since>,
    /// Why some of them could not be asked.
    down: Option<Error>,
}

impl Space {
    /// The entries of several keys, in their order. As for [`read`](Stores::read), bytes that do not verify are as good as
    /// absent, and it is an error if an entry is in no tier and one of them can't be asked.
    pub(crate) async fn read_many(&self, face: Face, keys: &[&EntryKey]) -> Result<Vec<Option<Loaded>>, Error> {
        let since = vec![Since::default(); keys.len()];
        let Answers { loaded, down, .. } = self.stores.look_for_all(face, keys, &self.tally, (since, false)).await?;
        match down {
            Some(error) if loaded.iter().any(Option::is_none) => Err(error),
            _ => Ok(loaded),
        }
    }

    /// The same for a call each, which computes what is not there.
    pub(crate) async fn read_each(&self, face: Face, keys: &[&EntryKey]) -> Vec<Read> {
        let since = vec![Since { era: self.stores.near.era(), ..Since::default() }; keys.len()];
        let answers = match self.stores.look_for_all(face, keys, &self.tally, (since.clone(), true)).await {
            Ok(answers) => answers,
            Err(error) => Answers { loaded: keys.iter().map(|_| None).collect(), since, down: Some(error) },
        };
        let Answers { loaded, since, down } = answers;
        let found = |loaded: Option<Loaded>| match &down {
            Some(error) if loaded.is_none() => Err(error.again()),
            _ => Ok(loaded),
        };
        loaded.into_iter().map(found).zip(since).map(|(found, since)| Read { found, since }).collect()
    }
}

impl Stores {
    /// Waits for the right to change the entries of several keys. Everybody takes the stripes in the same order, so nobody
    /// waits in a circle.
    pub(crate) async fn turns(&self, face: Face, keys: impl IntoIterator<Item = &EntryKey>) -> Vec<Turn> {
        let mut stripes: Vec<usize> = keys.into_iter().map(|key| stripe_of(key.hash())).collect();
        stripes.sort_unstable();
        stripes.dedup();
        let mut turns = Vec::with_capacity(stripes.len());
        for stripe in stripes {
            turns.push(face.lock(&self.shared.stripes[stripe]).await);
        }
        turns
    }

    /// Looks for several keys in the tiers one after the other. `is_taken_down`: so is when a tier was found to have nothing.
    async fn look_for_all(
        self: &Arc<Self>,
        face: Face,
        keys: &[&EntryKey],
        tally: &Tally,
        (mut since, is_taken_down): (Vec<Since>, bool),
    ) -> Result<Answers, Error> {
        let epochs: Vec<u64> = keys.iter().map(|key| self.epoch(key)).collect();
        tally.memory_missed(keys.len());
        let tiers = self.tiers.all().inspect_err(|error| self.failed(error))?;
        if self.has_memory() {
            for key in keys {
                self.may_come(key);
            }
        }
        let mut loaded: Vec<Option<Loaded>> = keys.iter().map(|_| None).collect();
        let mut missing: Vec<usize> = (0..keys.len()).collect();
        let mut down = None;
        for (number, tier) in tiers.iter().enumerate() {
            if self.has_memory() && tier.store(face).await.is_ok() {
                self.hear(tier);
            }
            let queued = self.read_queued(face, (number, tier), keys, &mut missing).await;
            let read = if missing.is_empty() { Vec::new() } else { self.ask_tier(face, tier, keys, &missing).await };
            let mut is_answered = true;
            for (at, read) in queued.into_iter().chain(missing.iter().copied().zip(read)) {
                match read {
                    Ok(Some(verified)) => loaded[at] = Some(Loaded::new(verified, number, epochs[at])),
                    Ok(None) => tally.missed(number),
                    Err(error) => {
                        self.failed(&error);
                        is_answered &= !is_down(&error);
                        down = down.or(Some(error).filter(is_down));
                    }
                }
            }
            for (key, loaded) in keys.iter().zip(&mut loaded) {
                if let Some(loaded) = loaded.as_mut().filter(|loaded| loaded.tier() == number) {
                    self.restart(face, &tiers[number..], key, loaded).await;
                }
            }
            let is_new = |loaded: &&Loaded| loaded.tier() == number;
            let found =
                (0..keys.len()).filter_map(|at| Some((keys[at], loaded[at].as_ref().filter(is_new)?, &since[at])));
            self.carry_up(face, &tiers[..number], &found.collect::<Vec<_>>()).await;
            missing.retain(|&at| loaded[at].is_none());
            if missing.is_empty() {
                break;
            }
            let is_of_use = is_taken_down || number + 1 < tiers.len();
            if is_of_use && tier.has_fences() {
                self.note_moments(face, (number, tier, is_answered), keys, &missing, &mut since).await;
            }
        }
        Ok(Answers { loaded, since, down })
    }

    /// Notes since when a tier has nothing under the keys that are missing: copies of what those behind it have come later.
    async fn note_moments(
        &self,
        face: Face,
        (number, tier, is_answered): (usize, &LiveTier, bool),
        keys: &[&EntryKey],
        missing: &[usize],
        since: &mut [Since],
    ) {
        let absent: Vec<&EntryKey> = missing.iter().map(|&at| keys[at]).collect();
        let moments = if is_answered { self.moments(face, tier, &absent).await } else { Ok(Vec::new()) };
        let moments = moments.inspect_err(|error| self.failed(error));
        let moments = moments.unwrap_or_default();
        for (place, &at) in missing.iter().enumerate() {
            since[at].note(number, moments.get(place).copied().flatten());
        }
    }

    /// What waits in the queue for a tier under those keys that are still missing: they are not, then.
    async fn read_queued(
        &self,
        face: Face,
        (number, tier): (usize, &LiveTier),
        keys: &[&EntryKey],
        missing: &mut Vec<usize>,
    ) -> Vec<(usize, Result<Option<Verified>, Error>)> {
        let Some(back) = &self.back else { return Vec::new() };
        let mut queued = Vec::new();
        for at in std::mem::take(missing) {
            match back.find(number, keys[at]) {
                Some(Queued(bytes)) => queued.push((at, self.verified(face, tier, keys[at], bytes).await)),
                None => missing.push(at),
            }
        }
        queued
    }

    /// What a tier has under some of the keys. If it can't answer for all of them together, the error stands in the place of
    /// the first; if the fault is in what it found, each is asked for on its own.
    async fn ask_tier(
        &self,
        face: Face,
        tier: &LiveTier,
        keys: &[&EntryKey],
        missing: &[usize],
    ) -> Vec<Result<Option<Verified>, Error>> {
        if self.shared.owed.is_by(tier) {
            let mut results = Vec::with_capacity(missing.len());
            for &at in missing {
                results.push(self.read_tier(face, tier, keys[at]).await);
            }
            return results;
        }
        let flat: Vec<Vec<u8>> = missing.iter().map(|&at| keys[at].flat().to_vec()).collect();
        let work = move |store: Store| async move {
            let flat: Vec<&[u8]> = flat.iter().map(Vec::as_slice).collect();
            store.get_many(&flat).await
        };
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

    /// Removes the entries of several keys, of all versions, from all tiers, in the turns of all of them; says for each whether
    /// there was one.
    pub(crate) async fn remove_many(
        self: &Arc<Self>,
        face: Face,
        _turns: &[Turn],
        keys: &[&EntryKey],
    ) -> Result<Vec<bool>, Error> {
        let settled = self.settle_others(face, keys).await;
        let forget = |key: &&EntryKey| self.back.as_ref().is_some_and(|back| back.forget(key));
        let mut were_there: Vec<bool> = keys.iter().map(forget).collect();
        let _outlet = self.outlet().await;
        let places: Arc<[(Vec<u8>, Vec<u8>)]> =
            keys.iter().map(|key| (key.all_versions(), key.flat().to_vec())).collect();
        let work = move |store: Store| async move {
            let (prefixes, flat): (Vec<&[u8]>, Vec<&[u8]>) =
                places.iter().map(|(prefix, flat)| (prefix.as_slice(), flat.as_slice())).unzip();
            if store.capabilities().count {
                return store.remove_prefixes(&prefixes).await;
            }
            // It can't say how many it removes, but whether there is one.
            let found = store.get_many(&flat).await;
            store.remove_prefixes(&prefixes).await?;
            Ok(found?.iter().map(|bytes| bytes.is_some().into()).collect())
        };
        let removals: Vec<Removal> = keys.iter().map(|key| Removal::Under(key.all_versions())).collect();
        let removed = self.remove_from_each(face, &removals, work).await;
        for key in keys {
            self.changed(key);
        }
        for counts in removed? {
            were_there.iter_mut().zip(counts).for_each(|(was_there, count)| *was_there |= count > 0);
        }
        settled.map(|()| were_there)
    }
}
