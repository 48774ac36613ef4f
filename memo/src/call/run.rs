//! A run of the body: its time is measured, its value is stored, its followers are told.

use std::{
    any::Any,
    future::poll_fn,
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Instant,
};

use super::{
    extras::Extras, guest::Used, home::Home, instance::AnyInstance, kind::Kind, share::HomeOf, switch, terms::Terms,
};
use crate::{
    clock,
    flight::{
        chain::Inside,
        slot::{Flight, Shared},
        wait::{Leading, block_on},
    },
    freshness::{Windows, claims::Claim, fingerprint::Fingerprint},
    memory::{Put, Stored, entries::Weigh, locked::UnderLock, stamp::Stamp},
    space::{EntryKey, Face, Lease},
    tags::Tag,
};

/// What a panic leaves behind.
type Panic = Box<dyn Any + Send>;

/// A run of the body by the caller. Dropped before it is finished, it lets a follower take over.
pub struct Run<H: Home, K, Kd> {
    /// None for a run that goes past the cache, or beside others, and stores nothing.
    pub(super) led: Option<Box<Led<H>>>,
    _types: PhantomData<fn(K) -> Kd>,
}

/// A run that leads a flight.
pub(super) struct Led<H: Home> {
    pub(super) home: H,
    pub(super) running: Running,
}

impl<H: Home> Drop for Led<H> {
    fn drop(&mut self) {
        self.running.end_body(self.home.used());
        self.running.abandon(self.home.instance());
    }
}

/// A run that leads a flight, whatever it brings.
pub(crate) struct Running {
    pub(super) hash: u64,
    pub(super) flight: Arc<Flight>,
    /// Where the value goes beside, or instead of, memory.
    pub(super) outside: Option<Box<EntryKey>>,
    /// Other processes wait for this run. Given back when it is over, last.
    pub(super) lease: Option<Lease>,
    landed: bool,
    pub(super) overwrites: bool,
    /// It takes the place of an entry that is there, also where values yield to others.
    pub(super) renews: bool,
    /// The right to do so, where it is not held elsewhere.
    claim: Option<Claim>,
    /// The user's code that runs is part of this run.
    pub(super) inside: Option<Inside>,
    start: Option<Instant>,
    /// How long the body took, in nanoseconds.
    cost: AtomicU64,
}

impl Running {
    pub(crate) fn new(hash: u64, flight: Arc<Flight>, outside: Option<Box<EntryKey>>, overwrites: bool) -> Self {
        Self {
            hash,
            flight,
            outside,
            lease: None,
            landed: false,
            overwrites,
            renews: false,
            claim: None,
            inside: None,
            start: None,
            cost: AtomicU64::new(0),
        }
    }

    /// In place of an entry that is there.
    pub(super) fn renewing(self, claim: Option<Claim>) -> Self {
        Self { renews: true, claim, ..self }
    }

    /// Has somebody a use for its value? Of a refresh in the background, others hold the claim.
    fn is_for_a_caller(&self) -> bool {
        !self.renews || self.claim.is_some()
    }

    /// For other processes, too.
    pub(super) fn leasing(self, lease: Option<Lease>) -> Self {
        Self { lease, ..self }
    }

    /// From here on the calling thread is inside this run: what it calls can't wait for it.
    fn enter(&mut self) {
        if self.inside.is_none() {
            self.inside = Some(Inside::enter(&[self.flight.id]));
        }
    }

    #[cold]
    #[inline(never)]
    fn begin_body(&mut self) {
        self.enter();
        self.start = Some(Instant::now());
    }

    fn end_body(&mut self, instance: Used<'_>) {
        if let Some(start) = self.start.take() {
            self.took(instance, start);
        }
    }

    /// How long the body took, in nanoseconds; 0 if it was not measured.
    pub(super) fn cost(&self) -> u64 {
        self.cost.load(Ordering::Relaxed)
    }

    /// The body began at `start` and is over.
    fn took(&self, instance: Used<'_>, start: Instant) {
        self.costs(instance, u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }

    /// The body took so many nanoseconds for this run.
    pub(super) fn costs(&self, instance: Used<'_>, nanos: u64) {
        self.cost.store(nanos, Ordering::Relaxed);
        instance.count(|counters| &counters.cost_ns, nanos);
        instance.count(|counters| &counters.runs, 1);
    }

    /// Stores a value on these terms, unless it was invalidated while the body ran; gives the number of the clearing that
    /// hit it. `value` is an `Option` of the stored type; without one nothing is stored.
    fn offer(
        &mut self,
        instance: Used<'_>,
        value: Option<&mut dyn Any>,
        terms: &Terms,
        weigh: Option<Weigh<'_>>,
    ) -> u64 {
        if let Some(value) = value {
            let options = &instance.options;
            let put = terms.put(options, terms.stamp(options), value, weigh, self.overwrites);
            let put = Put { yields: put.yields && !self.renews, ..put };
            let committed = instance.store.commit(self.hash, &self.flight, put);
            if committed.stored {
                instance.renewed(self.hash);
                instance.count_for_guest(|counters| &counters.stores, 1);
            }
            return committed.fence;
        }
        self.refuse(&instance, &terms.tags)
    }

    /// Stores nothing; gives the number of the clearing that hit a value with these tags.
    pub(super) fn refuse(&mut self, instance: &AnyInstance, tags: &[Tag]) -> u64 {
        if let Some(lease) = &self.lease {
            lease.brings_nothing();
        }
        drop(instance.store.withdraw(self.hash, &self.flight));
        self.flight.fence(tags)
    }

    /// Tells the followers. No more can join: the flight is out of the table.
    fn land(&mut self, shared: Option<Shared>, fence: u64) {
        self.flight.land(shared, fence);
        self.landed = true;
    }

    /// The body panicked, or its future was dropped; nothing happens to a flight that has landed.
    pub(super) fn abandon(&mut self, instance: &AnyInstance) {
        if !self.landed {
            let gone = instance.store.withdraw(self.hash, &self.flight);
            self.flight.abandon();
            // The user's code, which may panic.
            drop(gone);
        }
        self.inside = None;
    }
}

impl<H: HomeOf<Kd>, K: 'static, Kd: Kind> Run<H, K, Kd> {
    pub(crate) fn new(home: H, running: Option<Running>) -> Self {
        Self { led: running.map(|running| Box::new(Led { home, running })), _types: PhantomData }
    }

    /// Runs the body.
    #[inline]
    pub fn call(&mut self, body: impl FnOnce() -> Kd::Ret) -> Kd::Ret {
        if let Some(led) = &mut self.led {
            led.running.begin_body();
        }
        body()
    }

    /// Runs the body of an async function.
    pub async fn drive<F: Future<Output = Kd::Ret>>(&self, body: F) -> Kd::Ret {
        let body = pin!(body);
        let flight = self.led.as_ref().map(|led| &led.running.flight);
        let start = Instant::now();
        let result = Leading { flight, body }.await;
        if let Some(led) = &self.led {
            led.running.took(led.home.used(), start);
        }
        result
    }

    /// Runs the body of a function that gives an older value rather than fail: that is in the `Err` then. `fails` says which values
    /// that could be stored are failures, too.
    ///
    /// # Errors
    ///
    /// The older value, if the body failed or panicked. If there is none, a panic goes on.
    pub fn attempt(&mut self, fails: fn(&Kd::Val) -> bool, body: impl FnOnce() -> Kd::Ret) -> Result<Kd::Ret, Kd::Ret> {
        let result = catch_unwind(AssertUnwindSafe(|| self.call(body)));
        block_on(self.attempted(Face::Thread, fails, result))
    }

    /// The same of an async function.
    ///
    /// # Errors
    ///
    /// As [`attempt`](Self::attempt).
    pub async fn attempt_in_task<F: Future<Output = Kd::Ret>>(
        &mut self,
        fails: fn(&Kd::Val) -> bool,
        body: F,
    ) -> Result<Kd::Ret, Kd::Ret> {
        let result = {
            let mut body = pin!(self.drive(body));
            let poll = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(cx))) {
                Ok(poll) => poll.map(Ok),
                Err(panic) => Poll::Ready(Err(panic)),
            });
            poll.await
        };
        self.attempted(Face::Task, fails, result).await
    }

    async fn attempted(
        &mut self,
        face: Face,
        fails: fn(&Kd::Val) -> bool,
        result: Result<Kd::Ret, Panic>,
    ) -> Result<Kd::Ret, Kd::Ret> {
        let failed = match result.map(Kd::split) {
            Ok(Ok(value)) if fails(&value) => Ok(Kd::join(value)),
            Ok(Ok(value)) => return Ok(Kd::join(value)),
            Ok(Err(result)) => Ok(result),
            Err(panic) => Err(panic),
        };
        match (self.older(face).await, failed) {
            (Some(older), _) => Err(older),
            (None, Ok(result)) => Ok(result),
            (None, Err(panic)) => resume_unwind(panic),
        }
    }

    /// The value that is there, to be given in place of a failure. The run is over then.
    pub(super) async fn older(&mut self, face: Face) -> Option<Kd::Ret> {
        let value = match self.older_in_memory() {
            Some(value) => value,
            None => self.older_outside(face).await?,
        };
        let mut led = self.led.take()?;
        led.body_is_done();
        let instance = led.home.used();
        instance.claims().failed(led.running.hash);
        if led.running.is_for_a_caller() {
            instance.count(|counters| &counters.stale_hits, 1);
        }
        let fence = led.running.refuse(led.home.instance(), &[]);
        Some(led.land::<Kd>(Kd::join(value), fence))
    }

    fn older_in_memory(&self) -> Option<Kd::Val> {
        let Led { home, running } = &**self.led.as_ref()?;
        let mut value = None;
        let read = &mut |stored: Stored<'_>| {
            if may_stand_in(home.used(), running, (stored.stamp(), stored.dependency())) {
                value = stored.value().downcast_ref().map(Kd::copy);
            }
        };
        let _under = UnderLock::enter();
        home.instance().store.beside(running.hash, &running.flight, read);
        value
    }

    async fn older_outside(&self, face: Face) -> Option<Kd::Val> {
        let Led { home, running } = &**self.led.as_ref()?;
        let space = home.instance().space.as_ref()?;
        let loaded = space.stores.read(face, running.outside.as_ref()?).await.ok().flatten()?;
        if !may_stand_in(home.used(), running, (loaded.stamp(), loaded.dependency())) {
            return None;
        }
        let mut value: Option<Kd::Val> = None;
        space.decode(&loaded, &mut value);
        value
    }

    /// Stores what the body returned and gives it back.
    #[inline]
    pub fn finish(self, result: Kd::Ret) -> Kd::Ret {
        match self.led {
            Some(led) => Self::store(led, result, None),
            None => result,
        }
    }

    /// The terms on which a value of this function is stored, to be completed by what its attribute says.
    #[expect(clippy::unused_self, reason = "it brings the types")]
    pub fn extras<'a>(&self) -> Extras<'a, K, Kd::Val> {
        Extras::new()
    }

    /// Stores what the body returned, on these terms, and gives it back.
    #[expect(clippy::needless_pass_by_value, reason = "generated code has no other use for it")]
    pub fn finish_with(&mut self, result: Kd::Ret, extras: Extras<'_, K, Kd::Val>) -> Kd::Ret {
        let Some(led) = self.led.take() else { return result };
        let literal = led.home.instance().options.tags;
        let terms = |value: &Kd::Val| extras.terms(value, literal);
        let weigh = extras.weigh_any();
        let weigh = weigh.as_ref().map(|weigh| weigh as Weigh<'_>);
        Self::store(led, result, Some(&Told { terms: &terms, weigh, tags: &extras.tags }))
    }

    /// The body failed with a result that is not stored; the followers get it where it can be shared.
    pub(super) fn fail(&mut self, result: &Kd::Ret, tags: &[Tag]) {
        let Some(mut led) = self.led.take() else { return };
        led.body_is_done();
        let fence = led.running.refuse(led.home.instance(), tags);
        led.tell::<Kd>(result, fence);
    }

    /// The same for all functions of these types. If the user's code in here panics, the flight is abandoned.
    #[expect(clippy::boxed_local, reason = "it comes in one pointer from code that is there once per function")]
    #[inline(never)]
    fn store(mut led: Box<Led<H>>, result: Kd::Ret, told: Option<&Told<'_, Kd::Val>>) -> Kd::Ret {
        led.body_is_done();
        let Led { home, running } = &mut *led;
        let instance = home.used();
        let (result, fence) = match Kd::split(result) {
            Ok(value) => {
                let terms = told.map_or_else(Terms::default, |told| (told.terms)(&value));
                let terms = Terms { windows: instance.options().windows, cost: running.cost(), ..terms };
                let mut copy = (terms.stores && !switch::is_disabled()).then(|| Kd::copy(&value));
                let offered = copy.is_some().then_some(&mut copy as &mut dyn Any);
                let weigh = told.and_then(|told| told.weigh).or(home.instance().weigh());
                let fence = running.offer(instance, offered, &terms, weigh);
                (Kd::join(value), fence)
            }
            Err(result) => {
                let tags = told.map_or(&[][..], |told| told.tags).to_vec();
                (result, running.refuse(&instance, &tags))
            }
        };
        led.land::<Kd>(result, fence)
    }
}

/// May an entry be given in place of what a run failed to make? If its dependency has changed, only `stale_if_error` says so.
fn may_stand_in(instance: Used<'_>, running: &Running, (stamp, then): (Stamp, Option<&Fingerprint>)) -> bool {
    let has_changed = running.flight.dependency().is_some_and(|now| now.has_changed_since(then));
    let outlives = |windows: &Windows| windows.outlives_a_change(stamp.created(), clock::now());
    !has_changed || instance.options().windows.is_some_and(outlives)
}

impl<H: Home> Led<H> {
    /// The user's code that is to come may call the function again: it is still inside this run.
    pub(super) fn body_is_done(&mut self) {
        self.running.end_body(self.home.used());
        self.running.enter();
    }

    /// Tells the followers what the run brought.
    pub(super) fn land<Kd: Kind>(&mut self, result: Kd::Ret, fence: u64) -> Kd::Ret
    where
        H: HomeOf<Kd>,
    {
        self.tell::<Kd>(&result, fence);
        result
    }

    fn tell<Kd: Kind>(&mut self, result: &Kd::Ret, fence: u64)
    where
        H: HomeOf<Kd>,
    {
        let shared = if self.running.flight.has_followers() { H::share(result) } else { None };
        self.running.land(shared, fence);
    }
}

/// What an attribute says of the values of a function, beyond constants.
struct Told<'a, V> {
    terms: &'a dyn Fn(&V) -> Terms,
    weigh: Option<Weigh<'a>>,
    /// Known without a value.
    tags: &'a [Tag],
}
