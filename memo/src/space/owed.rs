//! Removals that a store did not confirm. They are owed: tried again in the background until the store has confirmed them, and done
//! before anything else is written there. Until then, reads pass the store by for what was to be removed.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_lock::Mutex as AsyncMutex;
use parking_lot::Mutex;

use super::{EntryKey, Face, Stores, face::in_background, loaded::Facts, tier::LiveTier};
use crate::{
    backend::Store,
    clock::{self, Millis},
    error::Error,
    flight::timer,
};

/// How long after a failure removals are tried again; twice as long after each further one, up to the longest.
const FIRST_PAUSE: Millis = 100;
const LONGEST_PAUSE: Millis = 10_000;

/// More removals than this become one, of all entries of the function.
const MOST: usize = 1000;

/// What was to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    /// All under a prefix.
    Under(Vec<u8>),
    /// What of it has all of these tags.
    Tagged(Vec<u8>, Vec<String>),
}

impl Removal {
    async fn run(&self, store: &Store) -> Result<u64, Error> {
        match self {
            Self::Under(prefix) => store.remove_prefix(prefix).await,
            Self::Tagged(prefix, tags) => {
                let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
                store.remove_tagged(prefix, &tags).await
            }
        }
    }
}

/// What the stores of all objects of a name owe.
#[derive(Default)]
pub(super) struct Owed {
    list: Mutex<Vec<(Arc<LiveTier>, Arc<Removal>)>>,
    /// The length of the list: nothing, nearly always.
    count: AtomicUsize,
    /// Who has a store do what it owes: what is written after that must not be removed by another who is at it.
    paying: AsyncMutex<()>,
}

impl Owed {
    pub(super) fn is_nothing(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Does a tier's store owe anything?
    pub(super) fn is_by(&self, tier: &LiveTier) -> bool {
        !self.is_nothing() && !self.of(tier).is_empty()
    }

    fn of(&self, tier: &LiveTier) -> Vec<Arc<Removal>> {
        let list = self.list.lock();
        list.iter().filter(|(owing, _)| owing.is_same(tier)).map(|(_, removal)| removal.clone()).collect()
    }

    fn change(&self, change: impl FnOnce(&mut Vec<(Arc<LiveTier>, Arc<Removal>)>)) {
        let mut list = self.list.lock();
        change(&mut list);
        self.count.store(list.len(), Ordering::Release);
    }

    /// Is the whole entry of a key to be taken for absent?
    pub(super) fn hides(&self, tier: &LiveTier, key: &EntryKey) -> bool {
        let is_hidden =
            |removal: &Arc<Removal>| matches!(&**removal, Removal::Under(prefix) if key.flat().starts_with(prefix));
        !self.is_nothing() && self.of(tier).iter().any(is_hidden)
    }

    /// Is an entry that was found, with what it says?
    pub(super) fn hides_tagged(&self, tier: &LiveTier, key: &EntryKey, facts: &Facts) -> bool {
        let has = |tag: &String| facts.tags.iter().any(|own| own.as_str() == tag);
        let is_hidden = |removal: &Arc<Removal>| match &**removal {
            Removal::Tagged(prefix, tags) => key.flat().starts_with(prefix) && tags.iter().all(has),
            Removal::Under(_) => false,
        };
        !self.is_nothing() && self.of(tier).iter().any(is_hidden)
    }
}

/// Is a removal that came to this to be tried again? What a store can't do at all it never will, and one whose URL is wrong has
/// nothing. An open one that does not let us in may do so later, as it did before: its password was changed, say.
fn is_owed<R>(tier: &LiveTier, result: &Result<R, Error>) -> bool {
    let may_come_true = |error: &Error| !error.is_unsupported() && (!error.is_config() || tier.opened().is_some());
    result.as_ref().is_err_and(may_come_true)
}

impl Stores {
    /// Notes what a tier's store did not confirm, in the turns of what it concerns, and has somebody try again.
    pub(super) fn owe(self: &Arc<Self>, tier: &Arc<LiveTier>, removal: Removal) {
        let mut is_first = false;
        self.shared.owed.change(|list| {
            is_first = list.is_empty();
            if list.iter().any(|(owing, known)| owing.is_same(tier) && **known == removal) {
                return;
            }
            list.push((tier.clone(), Arc::new(removal)));
            if list.iter().filter(|(owing, _)| owing.is_same(tier)).count() > MOST {
                list.retain(|(owing, _)| !owing.is_same(tier));
                list.push((tier.clone(), Arc::new(Removal::Under(self.prefix.clone().into_bytes()))));
            }
        });
        if is_first {
            let stores = self.clone();
            drop(in_background(async move { stores.pay_all().await }));
        }
    }

    /// Removes something from every tier, in its turns; what a store does not confirm is owed by it.
    pub(super) async fn remove_from_each<R, F>(
        self: &Arc<Self>,
        face: Face,
        removals: &[Removal],
        work: impl FnOnce(Store) -> F + Clone + Send + 'static,
    ) -> Result<Vec<R>, Error>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Error>> + Send,
    {
        let results = self.tiers.try_each(face, work).await?;
        for (tier, _) in self.tiers.known().iter().zip(&results).filter(|(tier, result)| is_owed(tier, result)) {
            for removal in removals {
                self.owe(tier, removal.clone());
            }
        }
        results.into_iter().collect()
    }

    /// Has a tier's store do what it owes: nothing is written there before.
    ///
    /// # Errors
    ///
    /// If it can't.
    pub(super) async fn pay(&self, face: Face, tier: &LiveTier) -> Result<(), Error> {
        if self.shared.owed.is_nothing() {
            return Ok(());
        }
        let _paying = self.shared.owed.paying.lock().await;
        for removal in self.shared.owed.of(tier) {
            let work = {
                let removal = removal.clone();
                move |store: Store| async move { removal.run(&store).await }
            };
            tier.change(face, work).await?;
            self.shared.owed.change(|list| {
                list.retain(|(owing, paid)| !(owing.is_same(tier) && Arc::ptr_eq(paid, &removal)));
            });
        }
        Ok(())
    }

    /// Tries until nothing is owed.
    async fn pay_all(self: Arc<Self>) {
        let mut pause = FIRST_PAUSE;
        while !self.shared.owed.is_nothing() {
            timer::until(clock::now().saturating_add(pause)).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            let _turns = self.all_turns(Face::Task).await;
            if let Err(error) = self.pay_now(Face::Task).await {
                self.failed(&error);
            }
        }
    }

    /// Has all stores do what they owe.
    pub(super) async fn pay_now(&self, face: Face) -> Result<(), Error> {
        if self.shared.owed.is_nothing() {
            return Ok(());
        }
        let owing: Vec<Arc<LiveTier>> = self.shared.owed.list.lock().iter().map(|(tier, _)| tier.clone()).collect();
        let mut failed = None;
        for tier in owing {
            failed = self.pay(face, &tier).await.err().or(failed);
        }
        failed.map_or(Ok(()), Err)
    }
}
