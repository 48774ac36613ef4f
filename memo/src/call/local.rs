//! `scope = "thread"`: one instance per thread, whose values need not be `Send`; clears from other threads reach it
//! by mail.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::VecDeque,
    marker::PhantomData,
    rc::Rc,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use super::{
    function::Reach,
    instance::{AnyInstance, Typed},
    site::Declaration,
};
use crate::{
    memory::{bound::Bound, locked::UnderLock},
    stats::counters::Counters,
    tags::Tag,
};

/// What another thread wants removed.
#[derive(Clone)]
enum Letter {
    Everything,
    Tagged(Arc<[Tag]>),
    /// Keys may not cross threads; their hashes can. Another key of the same hash goes with it, which costs a run.
    Hash(u64),
}

/// More letters than this are read as "everything".
const MOST_LETTERS: usize = 256;

/// The instances of one instantiation on all threads.
pub(crate) struct Threads<K, V> {
    id: usize,
    declared: &'static Declaration,
    counters: Arc<Counters>,
    same: fn(&K, &K) -> bool,
    /// The number of the last letter.
    posted: AtomicU64,
    letters: Mutex<VecDeque<Letter>>,
    bounds: Mutex<Vec<Weak<Bound>>>,
    _value: PhantomData<fn() -> V>,
}

/// One thread's instance, and how far it has read its mail.
struct Here<K, V> {
    instance: Rc<Typed<K, V>>,
    read: Cell<u64>,
}

thread_local! {
    /// By the ids of the instantiations.
    static HERE: RefCell<Vec<Option<Rc<dyn Any>>>> = const { RefCell::new(Vec::new()) };
}

impl<K: 'static, V: 'static> Threads<K, V> {
    pub(crate) fn new(
        id: usize,
        declared: &'static Declaration,
        counters: Arc<Counters>,
        same: fn(&K, &K) -> bool,
    ) -> Self {
        Self {
            id,
            declared,
            counters,
            same,
            posted: AtomicU64::new(0),
            letters: Mutex::default(),
            bounds: Mutex::default(),
            _value: PhantomData,
        }
    }

    /// The calling thread's instance, with all mail applied.
    pub(crate) fn here(&self) -> Rc<Typed<K, V>> {
        let here = self.find().unwrap_or_else(|| self.settle());
        if self.posted.load(Ordering::Acquire) != here.read.get() && !UnderLock::is_here() {
            self.read_mail(&here);
        }
        here.instance.clone()
    }

    fn find(&self) -> Option<Rc<Here<K, V>>> {
        let any = HERE.try_with(|here| here.borrow().get(self.id).cloned().flatten()).ok().flatten()?;
        any.downcast().ok()
    }

    /// Makes the calling thread's instance. On a thread that is ending it serves this one call.
    #[cold]
    fn settle(&self) -> Rc<Here<K, V>> {
        let declared = self.declared;
        let instance =
            Typed::new(self.id, (declared.name.into(), declared.options), self.counters.clone(), self.same, None);
        let mut bounds = self.bounds.lock();
        // Those of threads that have ended; every thread takes away about as many as it adds.
        bounds.retain(|bound| bound.strong_count() > 0);
        bounds.push(Arc::downgrade(instance.store.bound()));
        drop(bounds);
        let read = Cell::new(self.posted.load(Ordering::Acquire));
        let here = Rc::new(Here { instance: Rc::new(instance), read });
        let any: Rc<dyn Any> = here.clone();
        let _ = HERE.try_with(|all| {
            let mut all = all.borrow_mut();
            if all.len() <= self.id {
                all.resize(self.id + 1, None);
            }
            all[self.id] = Some(any);
        });
        here
    }

    #[cold]
    fn read_mail(&self, here: &Here<K, V>) -> u64 {
        let letters = self.letters.lock();
        let posted = self.posted.load(Ordering::Acquire);
        let unread = usize::try_from(posted - here.read.get()).unwrap_or(usize::MAX);
        let new: Vec<_> = match letters.len().checked_sub(unread) {
            Some(first) => letters.range(first..).cloned().collect(),
            None => vec![Letter::Everything],
        };
        drop(letters);
        let instance: &AnyInstance = &*here.instance;
        let apply = |letter| match letter {
            Letter::Everything => instance.clear_all(),
            Letter::Tagged(tags) => instance.clear_tags(&tags),
            Letter::Hash(hash) => instance.delete_hash(hash),
        };
        let mut removed = 0;
        for (letter, left) in new.into_iter().rev().zip(0..).collect::<Vec<_>>().into_iter().rev() {
            // Read only when it is applied: values are dropped meanwhile, by the user's code, which may panic or come here.
            removed += apply(letter);
            here.read.set(here.read.get().max(posted - left));
        }
        removed
    }

    /// Gives the number of entries that left on the calling thread.
    fn post(&self, letter: Letter) -> u64 {
        let mut letters = self.letters.lock();
        letters.push_back(letter);
        if letters.len() > MOST_LETTERS {
            letters.pop_front();
        }
        self.posted.fetch_add(1, Ordering::Release);
        drop(letters);
        // From under a lock of this thread's the letter is read later, as on other threads.
        self.find().filter(|_| !UnderLock::is_here()).map_or(0, |here| self.read_mail(&here))
    }

    /// Removes the entries with this hash on all threads.
    pub(crate) fn delete_hash(&self, hash: u64) {
        self.post(Letter::Hash(hash));
    }

    fn sum(&self, of: impl Fn(&Bound) -> u64) -> u64 {
        let mut bounds = self.bounds.lock();
        bounds.retain(|bound| bound.strong_count() > 0);
        bounds.iter().filter_map(Weak::upgrade).map(|bound| of(&bound)).sum()
    }
}

impl<K: 'static, V: 'static> Reach for Threads<K, V> {
    /// Counts what left on the calling thread; the others follow before their next call.
    fn clear(&self) -> u64 {
        self.post(Letter::Everything)
    }

    fn clear_tagged(&self, tags: &Arc<[Tag]>) -> u64 {
        self.post(Letter::Tagged(tags.clone()))
    }

    /// Only the calling thread's entries can be reached at once.
    fn purge(&self) -> u64 {
        self.find().map_or(0, |here| (&*here.instance as &AnyInstance).store.purge())
    }

    fn len(&self) -> u64 {
        self.sum(Bound::entries)
    }

    fn weight(&self) -> u64 {
        self.sum(Bound::weight)
    }
}
