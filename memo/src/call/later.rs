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
    error::Error,
    flight::wait::block_on,
    memory::{Put, entries::Weigh, locked::UnderLock, stamp::Stamp},
    space::{About, EntryKey, Face, Offer, Outcome, Space},
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
        let change = async move {
            let Self { mut led, value, terms, offered } = self;
            let Offered { outside, memory: InMemory { mut copy, stamp, weight } } = offered;
            let Led { home, running } = &mut *led;
            let copy = copy.is_some().then_some(&mut copy as &mut (dyn Any + Send + Sync));
            let memory = InMemory { copy, stamp, weight };
            let fence = commit(&*home, running, face, outside, memory, &terms).await;
            // Only the value may cross threads.
            let value = Kd::split(led.land::<Kd>(Kd::join(value), fence)).ok();
            if let Some(lease) = led.running.lease.take() {
                lease.give_back().await;
            }
            value
        };
        let value = face.finish(change).await;
        Kd::join(value.expect("what was joined is split again"))
    }
}

/// The commit gate of stores outside of memory: in the turn of the key, a value is stored only if its flight still stands.
/// A store that fails does not keep memory from having the value. Gives the number of the clearing that hit it.
async fn commit(
    home: &(impl Home + Sync),
    running: &mut Running,
    face: Face,
    outside: Offer,
    memory: InMemory<&mut (dyn Any + Send + Sync)>,
    terms: &Terms,
) -> u64 {
    let Some(stores) = home.instance().space.as_ref().map(|space| space.stores.clone()) else { return 0 };
    let turn = stores.turn(face, outside.key()).await;
    let goes_to_memory = running.overwrites || stores.has_heard_since(outside.key());
    let stands = home.instance().store.stands(running.hash, &running.flight, &terms.tags);
    let failed = |error: &Error| {
        stores.failed(error);
        home.used().store_failed();
    };
    let written = match stands {
        Ok(()) => Some(stores.write(face, &turn, outside).await.inspect_err(failed)),
        Err(_) => None,
    };
    if let (Some(Ok(Outcome::Removed)), Some(lease)) = (&written, &running.lease) {
        lease.brings_nothing();
    }
    let instance = home.instance();
    let _under = UnderLock::enter();
    if let Some(Ok(Outcome::Stored)) = written {
        instance.renewed(running.hash);
    }
    if running.overwrites && written.is_some() {
        for other in stores.caches().iter().filter(|cache| cache.instance().id != instance.id) {
            other.instance().store.remove_hash(running.hash);
        }
    }
    match (written, memory.copy.filter(|_| goes_to_memory)) {
        (Some(Ok(Outcome::Stored | Outcome::Removed) | Err(_)), Some(copy)) => {
            let weigh = &|_: &dyn Any, _: &dyn Any| memory.weight;
            let options = &instance.options;
            let put = terms.put(options, memory.stamp, copy, Some(weigh), running.overwrites);
            let put = Put { yields: put.yields && !running.renews, ..put };
            let committed = instance.store.commit(running.hash, &running.flight, put);
            if committed.stored {
                home.used().count_for_guest(|counters| &counters.stores, 1);
            }
            committed.fence
        }
        (written, _) => {
            drop(instance.store.withdraw(running.hash, &running.flight));
            if let Some(Ok(Outcome::Stored)) = written {
                home.used().count(|counters| &counters.stores, 1);
            }
            stands.err().unwrap_or(0)
        }
    }
}
