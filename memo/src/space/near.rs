//! Typed memory in front of a store that others change, too: it hears what they change, and is not used while it can't.
//!
//! The stores of a process that may be heard have one *hub* each, which tells all whose memory stands in front. Memory is *deaf* from
//! when such a store is first used until the hub is ready, and whenever its connection is lost: it is emptied then, and takes
//! nothing. What was looked for before it hears again is not put there either: epochs rise, and the era.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_64;

use super::{EntryKey, Face, Stores, face::in_background, tier::LiveTier};
use crate::{
    backend::{Heard, Listening, Store, WeakStore, keys::address_end},
    call::{function::Reach, home::Home, instance::AnyInstance},
    memory::{Deaf, locked::UnderLock},
    tags::Tag,
};

/// What the memory in front of some stores knows of being told.
#[derive(Default)]
pub(crate) struct Near {
    /// The number of stores that are not heard. Memory takes nothing unless it is 0.
    deaf: Deaf,
    /// Rises when all is heard again: what was looked for before may have changed unheard.
    era: AtomicU64,
    /// The keys that may be in memory, or on their way there: what they have in common with what is heard, and their hashes in
    /// this process.
    keys: Mutex<Keys>,
    /// Is there a store that tells, or is to? Else nobody asks for keys.
    is_told: AtomicBool,
    /// The memory of a function.
    memories: Mutex<Vec<&'static dyn Reach>>,
}

/// Two generations: when the younger is full, those of the older are forgotten that are not in memory any more.
#[derive(Default)]
struct Keys {
    younger: HashMap<u64, u64>,
    older: Arc<HashMap<u64, u64>>,
    /// Those that are being sorted out: still known.
    leaving: Option<Arc<HashMap<u64, u64>>>,
    /// The younger is full with so many.
    most: usize,
}

impl Keys {
    fn find(&self, number: u64) -> Option<u64> {
        let older = || self.older.get(&number).or_else(|| self.leaving.as_ref()?.get(&number));
        self.younger.get(&number).or_else(older).copied()
    }
}

impl Near {
    /// Is not 0 while memory is to take nothing.
    pub(crate) fn deaf(&self) -> &Deaf {
        &self.deaf
    }

    pub(crate) fn era(&self) -> u64 {
        self.era.load(Ordering::SeqCst)
    }

    /// From now on the memory is one of those that are told.
    pub(crate) fn join(&self, memory: &'static dyn Reach) {
        self.memories.lock().push(memory);
    }
}

/// What the number of a key is made of: what all its versions share.
fn number(key: &[u8]) -> Option<u64> {
    address_end(key).map(|end| xxh3_64(&key[..end]))
}

/// Who hears one store, for all whose memory stands in front of it.
pub(super) struct Hub {
    is_ready: AtomicBool,
    members: Mutex<Vec<Arc<Member>>>,
    listening: OnceLock<Listening>,
}

/// Stores whose memory stands in front of the hub's.
struct Member {
    stores: Weak<Stores>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    hears: bool,
    /// Rises when the connection is lost.
    era: u64,
}

/// So many values whose drop panics go with one removal at most.
const MOST_PANICS: u32 = 1000;

static HUBS: Mutex<Vec<(WeakStore, Weak<Hub>)>> = Mutex::new(Vec::new());

impl Hub {
    /// The hub of a store.
    fn of(store: &Store) -> Arc<Self> {
        let mut hubs = HUBS.lock();
        hubs.retain(|(_, hub)| hub.strong_count() > 0);
        if let Some(hub) = hubs.iter().find(|(known, _)| known.is(store)).and_then(|(_, hub)| hub.upgrade()) {
            return hub;
        }
        let hub =
            Arc::new(Self { is_ready: AtomicBool::new(false), members: Mutex::default(), listening: OnceLock::new() });
        hubs.push((store.downgrade(), Arc::downgrade(&hub)));
        drop(hubs);
        let weak = Arc::downgrade(&hub);
        let ear = move |heard: Heard<'_>| {
            let Some(hub) = weak.upgrade() else { return };
            // The drop of a value that has to go may panic. It is gone then, and the others have to go, too.
            (0..MOST_PANICS).any(|_| catch_unwind(AssertUnwindSafe(|| hub.heard(heard))).is_ok());
        };
        // Without it, memory stays deaf; that the store can tell was asked before.
        if let Ok(listening) = store.listen(Arc::new(ear)) {
            hub.listening.set(listening).ok();
        }
        hub
    }

    fn join(&self, stores: &Arc<Stores>) {
        // What was read before this is not kept: memory is deaf then, and empty when it is not any more.
        stores.near.is_told.store(true, Ordering::SeqCst);
        stores.near.deaf.fetch_add(1, Ordering::SeqCst);
        let member = Arc::new(Member { stores: Arc::downgrade(stores), state: Mutex::default() });
        let mut members = self.members.lock();
        members.retain(|member| member.stores.strong_count() > 0);
        members.push(member.clone());
        // Under the lock: what is told from now on, it is told, too.
        let era = self.is_ready.load(Ordering::SeqCst).then(|| member.era());
        drop(members);
        if let Some(era) = era {
            member.ready(era);
        }
    }

    fn heard(&self, heard: Heard<'_>) {
        let members = {
            let members = self.members.lock();
            match heard {
                Heard::Ready => self.is_ready.store(true, Ordering::SeqCst),
                Heard::Lost => self.is_ready.store(false, Ordering::SeqCst),
                Heard::Changed(_) | Heard::Tagged(..) => {}
            }
            // What is lost by the time that they hear of it is not what they heard of.
            members.iter().map(|member| (member.clone(), member.era())).collect::<Vec<_>>()
        };
        for (member, era) in members {
            match heard {
                Heard::Ready => member.ready(era),
                Heard::Lost => member.lost(),
                Heard::Changed(prefix) => member.changed(prefix),
                Heard::Tagged(prefix, tag) => member.tagged(prefix, tag),
            }
        }
    }
}

impl Member {
    fn era(&self) -> u64 {
        self.state.lock().era
    }

    /// From now on all is heard, unless the connection was lost after this era: once nothing is on its way into memory that was
    /// read before.
    fn ready(self: &Arc<Self>, era: u64) {
        let Some(stores) = self.stores.upgrade() else { return };
        let member = self.clone();
        drop(in_background(async move {
            let _turns = stores.all_turns(Face::Task).await;
            stores.near.era.fetch_add(1, Ordering::SeqCst);
            stores.empty_memory();
            let mut state = member.state.lock();
            if state.era == era && !state.hears {
                state.hears = true;
                stores.near.deaf.fetch_sub(1, Ordering::SeqCst);
            }
        }));
    }

    fn lost(&self) {
        let Some(stores) = self.stores.upgrade() else { return };
        let mut state = self.state.lock();
        state.era += 1;
        if std::mem::take(&mut state.hears) {
            stores.near.deaf.fetch_add(1, Ordering::SeqCst);
        }
        drop(state);
        // What comes now finds it deaf.
        stores.empty_memory();
    }

    fn changed(&self, prefix: &[u8]) {
        let Some(stores) = self.stores.upgrade() else { return };
        let own = stores.prefix().as_bytes();
        if !prefix.starts_with(own) {
            if own.starts_with(prefix) {
                stores.forget(None, AnyInstance::clear_all);
            }
            return;
        }
        match number(prefix) {
            Some(number) => {
                let hash = stores.near.keys.lock().find(number);
                if let Some(hash) = hash {
                    stores.forget(Some(hash), |memory| memory.delete_hash(hash));
                }
            }
            None => stores.forget(None, AnyInstance::clear_all),
        }
    }

    fn tagged(&self, prefix: &[u8], tag: &str) {
        let Some(stores) = self.stores.upgrade() else { return };
        let own = stores.prefix().as_bytes();
        if prefix.starts_with(own) || own.starts_with(prefix) {
            let tags: Arc<[Tag]> = Arc::from([Tag::from(tag)]);
            stores.forget(None, |memory| {
                let is_literal = memory.options.tags.contains(&tag);
                if is_literal { memory.clear_all() } else { memory.clear_tags(&tags) }
            });
        }
    }
}

impl Stores {
    /// Has the memory in front of a tier hear what others change there, from its first use on. The store is open.
    pub(super) fn hear(self: &Arc<Self>, tier: &LiveTier) {
        if self.has_memory()
            && let Some(store) = tier.telling()
        {
            tier.hub(|| {
                let hub = Hub::of(store);
                hub.join(self);
                hub
            });
        }
    }

    /// Would memory have heard of what changed since a value was not found under a key?
    pub(crate) fn has_heard_since(&self, key: &EntryKey) -> bool {
        key.era() == self.near.era()
    }

    /// Notes that a key may come into memory, before it is looked for elsewhere, or stored there.
    pub(super) fn may_come(&self, key: &EntryKey) {
        if !self.near.is_told.load(Ordering::SeqCst) {
            return;
        }
        let Some(number) = number(key.flat()) else { return };
        let mut keys = self.near.keys.lock();
        keys.younger.insert(number, key.hash());
        if keys.younger.len() <= keys.most.max(1024) || keys.leaving.is_some() {
            return;
        }
        let leaving = keys.older.clone();
        keys.leaving = Some(leaving.clone());
        keys.older = Arc::new(std::mem::take(&mut keys.younger));
        drop(keys);
        let staying: Vec<(u64, u64)> = leaving
            .iter()
            .filter(|(_, hash)| self.may_be_here(**hash))
            .map(|(number, hash)| (*number, *hash))
            .collect();
        let mut keys = self.near.keys.lock();
        keys.most = staying.len() * 2;
        for (number, hash) in staying {
            keys.younger.entry(number).or_insert(hash);
        }
        keys.leaving = None;
    }

    /// May a key with this hash be in memory? If not, nobody who has read it by now brings it there.
    fn may_be_here(&self, hash: u64) -> bool {
        let Some(_turn) = self.shared.stripe(hash).try_lock_arc() else { return true };
        let mut is_here = false;
        self.each_memory(|memory| is_here |= memory.store.knows_hash(hash));
        if !is_here {
            self.shared.changed(hash);
        }
        is_here
    }

    fn each_memory(&self, mut see: impl FnMut(&AnyInstance)) {
        // Not under the lock: the drop of a value may call a function for the first time.
        let memories = self.near.memories.lock().clone();
        for memory in memories {
            memory.memory().into_iter().for_each(&mut see);
        }
        for cache in self.caches() {
            see(cache.instance());
        }
    }

    /// Nothing that was read before is put into memory; what runs, runs on.
    fn empty_memory(&self) {
        self.shared.all_changed();
        let _under = UnderLock::enter();
        self.each_memory(|memory| memory.store.drop_all());
    }

    /// Has the memory of all instances forget something that others changed: of the key with this hash, or of any. What somebody
    /// has read before, and has the turn to put there, is taken out as soon as he is done.
    fn forget(self: &Arc<Self>, hash: Option<u64>, forget: impl Fn(&AnyInstance) -> u64) {
        let turns: Option<Vec<_>> = match hash {
            Some(hash) => self.shared.stripe(hash).try_lock_arc().map(|turn| vec![turn]),
            None => self.shared.stripes.iter().map(async_lock::Mutex::try_lock_arc).collect(),
        };
        match hash {
            Some(hash) => self.shared.changed(hash),
            None => self.shared.all_changed(),
        }
        let under = UnderLock::enter();
        self.each_memory(|memory| {
            forget(memory);
        });
        drop(under);
        if turns.is_none() {
            let stores = self.clone();
            drop(in_background(async move {
                let _turns = match hash {
                    Some(hash) => vec![stores.turn_of(Face::Task, hash).await],
                    None => stores.all_turns(Face::Task).await,
                };
                let _under = UnderLock::enter();
                stores.each_memory(|memory| match hash {
                    Some(hash) => memory.store.drop_hash(hash),
                    None => memory.store.drop_all(),
                });
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_versions_of_an_entry_have_one_number() {
        assert!(number(b"f|i|a|v").is_some());
        assert_eq!(number(b"f|i|a|v"), number(b"f|i|a|"));
        assert_ne!(number(b"f|i|a|v"), number(b"f|i|b|v"));
        assert_eq!(number(b"f|i|a"), None);
    }
}
