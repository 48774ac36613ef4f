//! The end of a run whose value goes to stores outside of memory: once the body is done, they are waited for.

use std::any::Any;

use super::{
    extras::Extras,
    home::Home,
    instance::AnyInstance,
    kind::Kind,
    run::{Led, Run, Running},
    share::HomeOf,
    switch,
    terms::Terms,
};
use crate::{
    clock,
    flight::wait::block_on,
    memory::{Put, entries::Weigh, locked::UnderLock, stamp::Stamp},
    space::{About, EntryKey, Face, Offer, Outcome, Space, Stores},
};

/// What a finished run has left to do.
pub enum Kept<H: HomeOf<Kd>, Kd: Kind> {
    /// Nothing: this is the result.
    Now(Kd::Ret),
    /// To put its value into stores.
    Later(Box<Later<H, Kd>>),
}

/// A run whose value is on its way into stores.
pub struct Later<H: HomeOf<Kd>, Kd: Kind> {
    led: Box<Led<H>>,
    value: Kd::Val,
    terms: Terms,
    offered: Offered<Kd::Val>,
}

/// What goes where.
struct Offered<V> {
    outside: Offer,
    memory: InMemory<V>,
}

/// What goes into the tier in memory.
struct InMemory<V> {
    /// None where there is no such tier.
    copy: Option<V>,
    stamp: Stamp,
    weight: u64,
}

impl<V: Send + Sync + 'static> Offered<V> {
    /// Encodes a value for the stores of its function, and copies it for memory.
    fn new(
        (instance, space): (&AnyInstance, &Space),
        (running, key): (&Running, EntryKey),
        (value, copy): (&V, fn(&V) -> V),
        (terms, weigh): (&Terms, Option<Weigh<'_>>),
    ) -> Self {
        let options = &instance.options;
        let stamp = terms.stamp(options);
        let mut copy = space.stores.has_memory().then(|| copy(value));
        let weight = match weigh {
            Some(weigh) if copy.is_some() => instance.store.weigh(running.hash, &running.flight, &mut copy, weigh),
            _ => 0,
        };
        let present = (stamp.created(), clock::unix_now());
        let about = About {
            expires: clock::unix(stamp.expires(), present),
            fresh_until: clock::unix(stamp.fresh_until(), present).filter(|_| stamp.grace() > 0),
            window: stamp.window(),
            cost: running.cost(),
            tags: terms.all_tags(options),
            dependency: terms.dependency.clone(),
            yields: terms.yields(options, running.overwrites || running.renews),
        };
        let memory = InMemory { copy, stamp: stamp.of_copy(stamp.created()), weight };
        let outside = space.offer_or_remove(key, value, about);
        Self { outside: if running.lease.is_some() { outside.awaited() } else { outside }, memory }
    }
}

impl<H: HomeOf<Kd> + Send + Sync + 'static, K: 'static, Kd: Kind<Val: Send + Sync>> Run<H, K, Kd> {
    /// Encodes what the body returned, on these terms, and gives it back, now or when it is stored.
    pub fn keep(&mut self, result: Kd::Ret, extras: Extras<'_, K, Kd::Val>) -> Kept<H, Kd> {
        if self.led.as_ref().is_some_and(|led| led.home.instance().is_left_to_memory()) {
            return Kept::Now(self.finish_with(result, extras));
        }
        let Some(mut led) = self.led.take() else { return Kept::Now(result) };
        led.body_is_done();
        let Led { home, running } = &mut *led;
        let instance = home.instance();
        let value = match Kd::split(result) {
            Ok(value) => value,
            Err(result) => {
                let fence = running.refuse(instance, &extras.tags);
                return Kept::Now(led.land::<Kd>(result, fence));
            }
        };
        let terms = extras.terms(&value, instance.options.tags);
        let terms = Terms { windows: home.used().options().windows, cost: running.cost(), ..terms };
        let stores = terms.stores && !switch::is_disabled();
        let Some((key, space)) = running.outside.take().zip(instance.space.as_ref()).filter(|_| stores) else {
            let fence = running.refuse(instance, &terms.tags);
            return Kept::Now(led.land::<Kd>(Kd::join(value), fence));
        };
        let weigh = extras.weigh_any();
        let weigh = weigh.as_ref().map(|weigh| weigh as Weigh<'_>).or(instance.weigh());
        let copy = Kd::copy as fn(&Kd::Val) -> Kd::Val;
        let offered = Offered::new((instance, space), (running, *key), (&value, copy), (&terms, weigh));
        running.inside = None;
        Kept::Later(Box::new(Later { led, value, terms, offered }))
    }
}

impl<H: HomeOf<Kd> + Send + Sync + 'static, Kd: Kind<Val: Send + Sync>> Kept<H, Kd> {
    /// Waits in a task.
    pub(crate) async fn in_task(self) -> Kd::Ret {
        match self {
            Self::Now(result) => result,
            Self::Later(later) => later.stored().await,
        }
    }

    /// Waits on the calling thread.
    pub fn on_thread(self) -> Kd::Ret {
        match self {
            Self::Now(result) => result,
            Self::Later(later) => block_on(later.settle(Face::Thread)),
        }
    }
}

impl<H: HomeOf<Kd> + Send + Sync + 'static, Kd: Kind<Val: Send + Sync>> Later<H, Kd> {
    /// Puts the value into the stores, in a task; gives what the function returns.
    pub async fn stored(self: Box<Self>) -> Kd::Ret {
        self.settle(Face::Task).await
    }

    async fn settle(self, face: Face) -> Kd::Ret {
        let value = settle_all(vec![self], face).await.pop();
        Kd::join(value.expect("each gives its value"))
    }
}

/// The values of several runs on their way into stores.
pub struct Laters<H: HomeOf<Kd>, Kd: Kind>(Vec<Together<H, Kd>>);

/// Those that go into the stores of one function or object.
struct Together<H: HomeOf<Kd>, Kd: Kind> {
    instance: usize,
    runs: Vec<Later<H, Kd>>,
    /// Of which call each is.
    calls: Vec<usize>,
}

impl<H: HomeOf<Kd>, Kd: Kind> Laters<H, Kd> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes what a call has left to do; gives its result if that is nothing.
    pub(super) fn add(&mut self, call: usize, kept: Kept<H, Kd>) -> Option<Kd::Ret> {
        let later = match kept {
            Kept::Now(result) => return Some(result),
            Kept::Later(later) => *later,
        };
        let instance = later.led.home.instance().id;
        match self.0.iter_mut().find(|together| together.instance == instance) {
            Some(together) => {
                together.runs.push(later);
                together.calls.push(call);
            }
            None => self.0.push(Together { instance, runs: vec![later], calls: vec![call] }),
        }
        None
    }
}

impl<H: HomeOf<Kd> + Send + Sync + 'static, Kd: Kind<Val: Send + Sync>> Laters<H, Kd> {
    /// Puts the values into the stores, together; gives them back with their calls.
    pub(super) async fn settle(self, face: Face) -> Vec<(usize, Kd::Val)> {
        let mut values = Vec::new();
        for Together { runs, calls, .. } in self.0 {
            values.extend(calls.into_iter().zip(settle_all(runs, face).await));
        }
        values
    }
}

/// Puts the values of several runs of one function into its stores, together; gives them back.
async fn settle_all<H, Kd>(several: Vec<Later<H, Kd>>, face: Face) -> Vec<Kd::Val>
where
    H: HomeOf<Kd> + Send + Sync + 'static,
    Kd: Kind<Val: Send + Sync>,
{
    let change = async move {
        let mut leases = Vec::new();
        let mut commits = Vec::with_capacity(several.len());
        let mut kept = Vec::with_capacity(several.len());
        for Later { led, value, terms, offered: Offered { outside, memory } } in several {
            commits.push(Commit { led, terms, outside: Some(outside), memory });
            kept.push(value);
        }
        let fences = commit(&mut commits, face).await;
        let mut values = Vec::with_capacity(kept.len());
        for ((Commit { mut led, .. }, value), fence) in commits.into_iter().zip(kept).zip(fences) {
            // Only the value may cross threads.
            let value = Kd::split(led.land::<Kd>(Kd::join(value), fence)).ok();
            values.push(value.expect("what was joined is split again"));
            leases.extend(led.running.lease.take());
        }
        for lease in leases {
            lease.give_back().await;
        }
        values
    };
    face.finish(change).await
}

/// A run whose value is about to be stored.
struct Commit<H: Home, V> {
    led: Box<Led<H>>,
    terms: Terms,
    outside: Option<Offer>,
    memory: InMemory<V>,
}

/// The commit gate of stores outside of memory: in the turns of the keys, a value is stored only if its flight still stands.
/// A store that fails does not keep memory from having the values. Gives the numbers of the clearings that hit them.
async fn commit<H, V>(several: &mut [Commit<H, V>], face: Face) -> Vec<u64>
where
    H: Home + Send + Sync,
    V: Send + Sync + 'static,
{
    let Some(home) = several.first().map(|commit| commit.led.home.clone()) else { return Vec::new() };
    let Some(stores) = home.instance().space.as_ref().map(|space| space.stores.clone()) else {
        return vec![0; several.len()];
    };
    let keys = several.iter().filter_map(|commit| Some(commit.outside.as_ref()?.key()));
    let turns = stores.turns(face, keys).await;
    let mut offers = Vec::with_capacity(several.len());
    let mut stand = Vec::with_capacity(several.len());
    for Commit { led, terms, outside, .. } in &mut *several {
        let Some(offer) = outside.take() else { continue };
        let running = &led.running;
        let goes_to_memory = stores.has_heard_since(offer.key());
        let stands = home.instance().store.stands(running.hash, &running.flight, &terms.tags);
        stand.push((stands, goes_to_memory));
        if stands.is_ok() {
            offers.push(offer);
        }
    }
    let written = if offers.is_empty() { Ok(Vec::new()) } else { stores.write_many(face, &turns, offers).await };
    if let Err(error) = &written {
        stores.failed(error);
        home.used().store_failed();
    }
    let mut outcomes = written.as_deref().unwrap_or_default().iter();
    let _under = UnderLock::enter();
    let mut fences = Vec::with_capacity(several.len());
    for (commit, (stands, goes_to_memory)) in several.iter_mut().zip(stand) {
        let outcome = match stands {
            Ok(()) => Ok(written.is_ok().then(|| outcomes.next().copied().unwrap_or(Outcome::Yielded))),
            Err(fence) => Err(fence),
        };
        fences.push(commit.finish(&stores, outcome, goes_to_memory));
    }
    fences
}

impl<H: Home, V: Send + Sync + 'static> Commit<H, V> {
    /// Puts the value into memory, in the caller's turn, after the stores were asked to take it: `written` is what became of it
    /// there, `None` if they failed, or the number of the clearing that kept it out.
    fn finish(&mut self, stores: &Stores, written: Result<Option<Outcome>, u64>, goes_to_memory: bool) -> u64 {
        let Self { led, terms, memory, .. } = self;
        let Led { home, running } = &mut **led;
        let instance = home.instance();
        if let (Ok(Some(Outcome::Removed)), Some(lease)) = (&written, &running.lease) {
            lease.brings_nothing();
        }
        if let Ok(Some(Outcome::Stored)) = written {
            instance.renewed(running.hash);
        }
        if running.overwrites && written.is_ok() {
            for other in stores.caches().iter().filter(|cache| cache.instance().id != instance.id) {
                other.instance().store.remove_hash(running.hash);
            }
        }
        let is_to_be_kept = matches!(written, Ok(Some(Outcome::Stored | Outcome::Removed) | None));
        if is_to_be_kept && goes_to_memory && memory.copy.is_some() {
            let weigh = &|_: &dyn Any, _: &dyn Any| memory.weight;
            let options = &instance.options;
            let put = terms.put(options, memory.stamp, &mut memory.copy, Some(weigh), running.overwrites);
            let put = Put { yields: put.yields && !running.renews, ..put };
            let committed = instance.store.commit(running.hash, &running.flight, put);
            if committed.stored {
                home.used().count_for_guest(|counters| &counters.stores, 1);
            }
            return committed.fence;
        }
        drop(instance.store.withdraw(running.hash, &running.flight));
        if let Ok(Some(Outcome::Stored)) = written {
            home.used().count(|counters| &counters.stores, 1);
        }
        written.err().unwrap_or(0)
    }
}
