//! A memoized function: its instantiations, and what was counted in them.

use std::{any::TypeId, sync::Arc};

use parking_lot::{Mutex, MutexGuard};

use super::{
    names,
    site::{Declaration, Options},
    typed::TypedRef,
};
use crate::{
    cache::live,
    error::Error,
    space::{Face, Space, Stores},
    stats::{
        Asked, CacheInfo, Instantiation, Tiers,
        counters::{Counters, Counts},
    },
    tags::Tag,
};

/// What clears and statistics need of an instance, whatever its types.
pub(crate) trait Reach: Send + Sync {
    /// Removes all entries; gives their number as far as it is known.
    fn clear(&self) -> u64;
    /// Removes the entries with all of these tags, which are not the literal ones of the function.
    fn clear_tagged(&self, tags: &Arc<[Tag]>) -> u64;
    fn purge(&self) -> u64;
    fn len(&self) -> u64;
    fn weight(&self) -> u64;
    /// Where its memory is, and what others share of it.
    #[cfg(feature = "stores")]
    fn memory(&self) -> Option<&super::instance::AnyInstance> {
        None
    }
    /// The entries outside of memory.
    fn space(&self) -> Option<&Space> {
        None
    }
}

/// What is known of an instantiation that is about to be made.
pub(crate) struct New<'a> {
    pub(crate) id: usize,
    pub(crate) function: &'static Function,
    /// The full path with all generics.
    pub(crate) name: &'a str,
    pub(crate) counters: Arc<Counters>,
    /// Those of the function, if they can tell this instantiation from others.
    pub(crate) stores: Option<Arc<Stores>>,
}

/// Makes what belongs to an instantiation.
pub(crate) type Make<'a> = &'a dyn Fn(New<'_>) -> (TypedRef, &'static dyn Reach);

/// One instantiation of a function.
pub(crate) struct Record {
    pub(crate) identity: Identity,
    pub(crate) counters: Arc<Counters>,
    pub(crate) reach: &'static dyn Reach,
    pub(crate) target: TypedRef,
    /// What had been counted when the statistics began anew.
    baseline: Mutex<(Counts, Vec<Asked>)>,
}

/// How the two generated functions of one attribute find the same instance: by the type that they belong to, and by
/// the generics that they name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The full path with the generics of the surrounding type, without the function's own.
    pub(crate) prefix: String,
    /// The function's own generics.
    pub(crate) generics: Vec<TypeId>,
    /// The full path with all generics, for people.
    pub(crate) name: String,
}

/// An instance, and the marker of the instantiation that uses it.
struct Claim {
    record: &'static Record,
    /// `None` as long as only the address form used it.
    marker: Option<TypeId>,
}

/// A memoized function.
pub(crate) struct Function {
    pub(crate) declared: &'static Declaration,
    /// Its path without generics.
    pub(crate) path: String,
    /// Where its entries live beside, or instead of, memory.
    pub(crate) stores: Option<Arc<Stores>>,
    /// What had failed in the stores when the statistics began anew.
    failed_before: Mutex<(Counts, Vec<u64>)>,
    claims: Mutex<Vec<Claim>>,
    /// What the address forms that were used so far mean, by their markers: names are taken apart once.
    addresses: Mutex<Vec<(TypeId, &'static Identity)>>,
}

static NEXT_ID: Mutex<usize> = Mutex::new(0);

impl Function {
    pub(super) fn new(declared: &'static Declaration, path: String) -> Self {
        let options = &declared.options;
        let name = options.display_name.unwrap_or(&path);
        let stores = options.outside.map(|outside| Arc::new(Stores::declared(outside, name)));
        Self {
            declared,
            path,
            stores,
            failed_before: Mutex::default(),
            claims: Mutex::default(),
            addresses: Mutex::default(),
        }
    }

    /// Is it this one's declaration?
    pub(super) fn is(&self, declared: &Declaration, path: &str) -> bool {
        let same = |one: &Declaration| {
            one.position == declared.position
                && one.name == declared.name
                && one.module == declared.module
                && one.version == declared.version
        };
        same(self.declared) && names::without_trait(&self.path) == names::without_trait(path)
    }

    /// What belongs to an instantiation, made with `make` if there is none. The marker is that of the function itself; the
    /// address form has none, and takes what it finds.
    pub(crate) fn instance(
        &'static self,
        identity: &Identity,
        (marker, of): (TypeId, TypeId),
        make: Make<'_>,
    ) -> TypedRef {
        let mut claims = self.claims.lock();
        // Stores know an instance by the name that it was made with.
        let fits = |known: &Identity| known.matches(identity) && (self.stores.is_none() || known.name == identity.name);
        let ours = |claim: &&mut Claim| match claim.marker {
            Some(known) => known == marker,
            None => fits(&claim.record.identity),
        };
        let found = claims.iter_mut().filter(ours).find(|claim| claim.record.target.is(of));
        if let Some(claim) = found {
            claim.marker = Some(marker);
            return claim.record.target;
        }
        self.claim(claims, Some(marker), identity, make)
    }

    /// What an address form with this marker means; `tell` takes its names apart.
    pub(crate) fn meant_by(&self, marker: TypeId, tell: impl FnOnce() -> Identity) -> &'static Identity {
        let mut addresses = self.addresses.lock();
        let known = addresses.iter().find(|(known, _)| *known == marker).map(|(_, identity)| *identity);
        known.unwrap_or_else(|| {
            let identity = Box::leak(Box::new(tell()));
            addresses.push((marker, identity));
            identity
        })
    }

    /// All that an address with these types may mean; one is made if there is none.
    pub(crate) fn addressed(&'static self, identity: &Identity, of: TypeId, make: Make<'_>) -> Vec<TypedRef> {
        let claims = self.claims.lock();
        let fitting = claims.iter().map(|claim| claim.record).filter(|record| record.identity.matches(identity));
        let known: Vec<TypedRef> = fitting.map(|record| record.target).filter(|target| target.is(of)).collect();
        if !known.is_empty() {
            return known;
        }
        vec![self.claim(claims, None, identity, make)]
    }

    /// Makes what belongs to an instantiation that is not known yet. Stores tell it from others by its name alone; where that
    /// does not, it gets none.
    fn claim(
        &'static self,
        mut claims: MutexGuard<'_, Vec<Claim>>,
        marker: Option<TypeId>,
        identity: &Identity,
        make: Make<'_>,
    ) -> TypedRef {
        let known = claims.iter().map(|claim| &*claim.record.identity.name);
        let fault = self.stores.as_ref().and_then(|_| names::ambiguity(&identity.name, known));
        let stores = self.stores.clone().filter(|_| fault.is_none());
        let record = new_record(self, identity, stores, make);
        claims.push(Claim { record, marker });
        // The user's hook is told, not under the lock.
        drop(claims);
        if let Some((stores, fault)) = self.stores.as_ref().zip(fault) {
            stores.failed(&fault);
        }
        record.target
    }

    /// Removes all entries, or those with all of these tags, which are not the literal ones of the function: from all stores,
    /// also if one fails. Gives their number as far as it is known.
    pub(crate) async fn clear(&'static self, face: Face, tags: Option<&Arc<[Tag]>>) -> Result<u64, Error> {
        let wanted = tags.cloned();
        let clear = move |record: &Record| {
            wanted.as_ref().map_or_else(|| record.reach.clear(), |tags| record.reach.clear_tagged(tags))
        };
        let in_memory = move || self.records().into_iter().map(clear).sum();
        if let Some(stores) = &self.stores {
            return stores.clear(face, tags, in_memory).await.0;
        }
        let mut removed = Ok(in_memory());
        for caches in self.caches() {
            let cleared = caches.clear(face, tags).await;
            removed = removed.and_then(|before: u64| Ok(before + cleared?));
        }
        removed
    }

    /// Returns when everything is in all stores, and as durable as they can make it.
    pub(crate) async fn flush(&self, face: Face) -> Result<(), Error> {
        match &self.stores {
            Some(stores) => stores.flush(face).await,
            None => Ok(()),
        }
    }

    /// The number of entries: of the last tier.
    pub(crate) async fn len(&self, face: Face) -> Result<u64, Error> {
        if let Some(stores) = &self.stores {
            return stores.len(face).await;
        }
        let mut len = self.records().into_iter().map(|record| record.reach.len()).sum();
        for caches in self.caches() {
            len += caches.len(face).await?;
        }
        Ok(len)
    }

    /// Does it keep its entries in cache objects?
    pub(crate) fn is_guest(&self) -> bool {
        self.declared.options.in_caches
    }

    /// The live cache objects that it has used, if it keeps its entries there.
    fn caches(&self) -> Vec<live::Group> {
        if self.is_guest() { live::used_by(self) } else { Vec::new() }
    }

    /// Removes what has expired; gives the number of entries.
    pub(crate) async fn purge(&self, face: Face) -> Result<u64, Error> {
        let in_memory: u64 = self.records().into_iter().map(|record| record.reach.purge()).sum();
        let Some(stores) = &self.stores else { return Ok(in_memory) };
        Ok(in_memory + stores.purge(face).await?)
    }

    pub(crate) fn records(&self) -> Vec<&'static Record> {
        self.claims.lock().iter().map(|claim| claim.record).collect()
    }

    /// Its name for people.
    pub(crate) fn display_name(&self) -> &str {
        self.declared.options.display_name.unwrap_or(&self.path)
    }

    pub(crate) async fn info(&self, face: Face) -> CacheInfo {
        let caches = self.caches();
        let stores = self.stores.as_ref();
        // Of several objects the first speaks for all.
        let empty = |name: &str| match caches.first() {
            Some(caches) => info_of(name, caches.options(), caches.stores()),
            None => info_of(name, &self.declared.options, stores),
        };
        let mut sum = empty(self.display_name());
        let mut tiers = Tiers::of(stores);
        for record in self.records() {
            let mut info = empty(&record.identity.name);
            let (counts, asked) = record.counted();
            info.count(counts);
            info.size = record.reach.len();
            info.weight = record.reach.weight();
            if !self.is_guest() {
                info.tiers = Tiers::of(stores).with(&asked, info.size).counted(info.measured);
            }
            tiers = tiers.with(&asked, info.size);
            sum.count(info.measured);
            sum.weight += info.weight;
            sum.instantiations.push(Instantiation { name: record.identity.name.clone(), info });
        }
        // Not locked while the stores are asked, which may report something to the user's code.
        let (failed, by_tier) = self.failed_before.lock().clone();
        if let Some(stores) = stores {
            sum.count(stores.counters.read().since(failed));
        }
        tiers.put(face, &mut sum, (stores, &by_tier)).await;
        if self.is_guest() {
            sum.tiers.clear();
        }
        for caches in &caches {
            sum.is_in(caches.info(face).await);
        }
        sum
    }

    /// Has an instantiation this name?
    pub(super) fn has_instance(&self, name: &str) -> bool {
        self.claims.lock().iter().any(|claim| claim.record.identity.name == name)
    }

    pub(crate) fn reset_stats(&self) {
        for record in self.records() {
            *record.baseline.lock() = (record.counters.read(), record.asked());
        }
        if let Some(stores) = &self.stores {
            let by_tier = stores.failures().into_iter().map(|(_, failures)| failures).collect();
            *self.failed_before.lock() = (stores.counters.read(), by_tier);
        }
    }
}

impl Record {
    /// How often the tiers were asked; nothing where there are no stores.
    fn asked(&self) -> Vec<Asked> {
        self.reach.space().map_or_else(Vec::new, Space::asked)
    }

    /// What was counted since the statistics began anew.
    fn counted(&self) -> (Counts, Vec<Asked>) {
        let (counts, asked) = &*self.baseline.lock();
        let mut since = self.asked();
        for (now, before) in since.iter_mut().zip(asked) {
            *now = now.since(*before);
        }
        (self.counters.read().since(*counts), since)
    }
}

/// A number that no other instance has.
pub(crate) fn next_id() -> usize {
    let mut next = NEXT_ID.lock();
    *next += 1;
    *next - 1
}

/// What can be said of a function or cache before it is used.
pub(crate) fn info_of(name: &str, options: &Options, stores: Option<&Arc<Stores>>) -> CacheInfo {
    let bounded = options.max_entries.is_some() || options.max_weight.is_some();
    let stores = stores.map(|stores| (stores.describe(), stores.prefix().to_owned()));
    let ((backend, codec), prefix) = match stores {
        Some(((backend, codec), prefix)) => ((backend.into(), codec), prefix),
        None => (("memory".into(), None), String::new()),
    };
    CacheInfo {
        name: name.to_owned(),
        backend,
        codec,
        prefix,
        policy: bounded.then(|| options.policy.name()),
        max_entries: options.max_entries,
        max_weight: options.max_weight,
        ..CacheInfo::default()
    }
}

fn new_record(
    function: &'static Function,
    identity: &Identity,
    stores: Option<Arc<Stores>>,
    make: Make<'_>,
) -> &'static Record {
    let id = next_id();
    let counters = Arc::new(Counters::default());
    #[cfg(feature = "stores")]
    let told = stores.clone();
    let new = New { id, function, name: &identity.name, counters: counters.clone(), stores };
    let (target, reach) = make(new);
    #[cfg(feature = "stores")]
    if let Some(stores) = told {
        stores.near.join(reach);
    }
    let record = Record { identity: identity.clone(), counters, reach, target, baseline: Mutex::default() };
    Box::leak(Box::new(record))
}

impl Identity {
    fn matches(&self, other: &Self) -> bool {
        self.prefix == other.prefix && self.generics == other.generics
    }
}
