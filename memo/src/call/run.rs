//! A run of the body: its time is measured, its value is stored, its followers are told.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use super::{
    extras::Extras,
    instance::{Home, Key, Ret, Shared, UnderLock, Val},
    kind::Kind,
    site::Jitter,
    switch,
};
use crate::{
    clock::{self, Millis, NEVER},
    flight::{chain::Inside, slot::Flight, wait::Leading},
    memory::{Gone, New, slab::Slot, stamp::Stamp},
    stats::counters::Counters,
    tags::Tag,
};

/// A run of the body by the caller. Dropped before it is finished, it lets a follower take over.
pub struct Run<H: Home> {
    home: H,
    hash: u64,
    /// The flight that it leads; a run without one stores nothing.
    flight: Option<Arc<Flight<Shared<H>>>>,
    overwrites: bool,
}

impl<H: Home> Run<H> {
    /// Goes past the cache.
    pub(crate) fn aside(home: &H) -> Self {
        Self { home: home.clone(), hash: 0, flight: None, overwrites: false }
    }

    /// Runs inside a run of the same key, which can't end before this one does.
    pub(crate) fn inline(home: &H) -> Self {
        Counters::add(&home.counters.misses, 1);
        Self::aside(home)
    }

    pub(crate) fn leading(home: &H, hash: u64, flight: Arc<Flight<Shared<H>>>, overwrites: bool) -> Self {
        Counters::add(&home.counters.misses, 1);
        Self { home: home.clone(), hash, flight: Some(flight), overwrites }
    }

    /// Runs the body.
    #[inline]
    pub fn call(&self, body: impl FnOnce() -> Ret<H>) -> Ret<H> {
        let _running = self.running();
        body()
    }

    // Out of line, like all that stands around a body: it is there once per type instead of once per function.
    #[inline(never)]
    fn running(&self) -> Running<'_> {
        let inside = self.flight.as_ref().map(|flight| Inside::enter(&[flight.id]));
        let clock = self.flight.as_ref().map(|_| (Instant::now(), &*self.home.counters));
        Running { clock, _inside: inside }
    }

    /// Runs the body of an async function.
    pub async fn drive<F: Future<Output = Ret<H>>>(&self, body: F) -> Ret<H>
    where
        Shared<H>: Send + Sync,
    {
        let body = pin!(body);
        let start = Instant::now();
        let result = Leading { flight: self.flight.as_ref(), body }.await;
        if self.flight.is_some() {
            note_cost(&self.home.counters, start);
        }
        result
    }

    /// Stores what the body returned and gives it back.
    #[inline(never)]
    pub fn finish(&mut self, result: Ret<H>) -> Ret<H> {
        self.finish_with(result, Extras::new())
    }

    /// The terms on which a value of this function is stored, to be completed by what its attribute says.
    #[expect(clippy::unused_self, reason = "it brings the types")]
    pub fn extras<'a>(&self) -> Extras<'a, Key<H>, Val<H>> {
        Extras::new()
    }

    /// Stores what the body returned, on these terms, and gives it back.
    #[expect(clippy::needless_pass_by_value, reason = "generated code has no other use for it")]
    #[inline(never)]
    pub fn finish_with(&mut self, result: Ret<H>, extras: Extras<'_, Key<H>, Val<H>>) -> Ret<H> {
        let Some(flight) = self.flight.take() else {
            return result;
        };
        // The user's code in here may call the function again: it is still inside this run.
        let _inside = Inside::enter(&[flight.id]);
        // If it panics, the flight is abandoned all the same.
        let flight = Unlanded { home: &self.home, hash: self.hash, flight };
        let (result, fence) = match H::Kind::split(result) {
            Ok(value) => {
                let fence = flight.offer(&value, &extras, self.overwrites);
                (H::Kind::join(value), fence)
            }
            Err(result) => (result, flight.withdraw(&extras.tags)),
        };
        flight.land(&result, fence);
        result
    }
}

impl<H: Home> Drop for Run<H> {
    #[inline(never)]
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            drop(Unlanded { home: &self.home, hash: self.hash, flight });
        }
    }
}

/// A body that is running on this thread.
struct Running<'a> {
    clock: Option<(Instant, &'a Counters)>,
    _inside: Option<Inside>,
}

impl Drop for Running<'_> {
    #[inline(never)]
    fn drop(&mut self) {
        if let Some((start, counters)) = self.clock {
            note_cost(counters, start);
        }
    }
}

fn note_cost(counters: &Counters, start: Instant) {
    let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    Counters::add(&counters.cost_ns, nanos);
    Counters::add(&counters.runs, 1);
}

/// A flight that has not landed yet.
struct Unlanded<'a, H: Home> {
    home: &'a H,
    hash: u64,
    flight: Arc<Flight<Shared<H>>>,
}

impl<H: Home> Unlanded<'_, H> {
    /// Stores a value, unless it was invalidated while the body ran; gives the number of the clearing that hit it.
    fn offer(&self, value: &Val<H>, extras: &Extras<'_, Key<H>, Val<H>>, overwrites: bool) -> u64 {
        let terms = Terms::new(self.home, value, extras);
        let off = !switch::is_ordinary() && switch::is_disabled();
        if off || !extras.cache_if.iter().all(|test| test(value)) {
            return self.withdraw(&terms.tags);
        }
        let copy = H::Kind::copy(value);
        let mut fence = 0;
        // Dropped after the locks: `Drop` is the user's code.
        let (mut gone, mut refused) = (Gone::new(), None);
        let _locked = UnderLock::enter();
        let stood = self.home.flights.commit(self.hash, &self.flight, |key| {
            fence = self.flight.fence(&terms.tags);
            if fence == 0 {
                terms.store(self.home, self.hash, (key, copy), extras, overwrites, &mut gone);
            } else {
                refused = Some((key, copy));
            }
        });
        // Something else invalidated the key; a follower may still have come after a clearing of one of its tags.
        if stood { fence } else { self.flight.fence(&terms.tags) }
    }

    /// Takes the flight down without storing anything; gives the number of the last clearing of these tags.
    fn withdraw(&self, tags: &[Tag]) -> u64 {
        self.home.flights.withdraw(self.hash, &self.flight);
        self.flight.fence(tags)
    }

    /// Tells the followers. No more can join: the flight is out of the table.
    fn land(self, result: &Ret<H>, fence: u64) {
        let shared = if self.flight.has_followers() { H::Kind::share(result) } else { None };
        self.flight.land(shared, fence);
    }
}

impl<H: Home> Drop for Unlanded<'_, H> {
    fn drop(&mut self) {
        // Nothing happens here for a flight that has landed.
        if self.flight.is_running() {
            self.withdraw(&[]);
            self.flight.abandon();
        }
    }
}

/// What a value is stored with.
pub(crate) struct Terms {
    stamp: Stamp,
    slides: bool,
    tags: Vec<Tag>,
}

impl Terms {
    pub(crate) fn new<H: Home>(home: &H, value: &Val<H>, extras: &Extras<'_, Key<H>, Val<H>>) -> Self {
        let options = &home.site.options;
        let now = clock::now();
        let (expires, varies) = extras.expiry(value, options.ttl, now);
        let expires = if varies { with_jitter(now, expires, options.jitter) } else { expires };
        let mut tags = extras.all_tags(value);
        tags.retain(|tag| !options.tags.contains(&tag.as_str()));
        Self { stamp: Stamp::new(now, expires), slides: varies, tags }
    }

    /// Puts an entry into the store; the caller holds the commit gate of its key.
    pub(crate) fn store<H: Home>(
        &self,
        home: &H,
        hash: u64,
        (key, value): (Key<H>, Val<H>),
        extras: &Extras<'_, Key<H>, Val<H>>,
        overwrites: bool,
        gone: &mut Gone<Key<H>, Val<H>>,
    ) {
        let weight = extras.weigh.map_or(0, |weigh| weigh(&key, &value));
        let same = &|other: &Key<H>| (home.same)(&key, other);
        if home.site.options.if_absent && !overwrites && home.store.contains(hash, same) {
            gone.push(Slot::left(key, value));
            return;
        }
        let (tags, stamp, slides) = (&*self.tags, self.stamp, self.slides);
        let new = New { stamp, tags, weight, slides, replaces: overwrites };
        home.store.put(hash, home.same, (key, value), new, gone);
    }
}

/// A random time more, so that entries made together do not expire together.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a random share of a time needs no 53 bits, and is neither negative nor larger than it"
)]
fn with_jitter(now: Millis, expires: Millis, jitter: Jitter) -> Millis {
    if expires == NEVER || expires <= now {
        return expires;
    }
    let most = match jitter {
        Jitter::None => return expires,
        Jitter::Millis(most) => most,
        Jitter::Fraction(share) => ((expires - now) as f64 * share) as Millis,
    };
    let added = (u128::from(random()) * (u128::from(most) + 1)) >> 64;
    expires.saturating_add(added as Millis).min(NEVER - 1)
}

/// `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014), started differently in every process.
fn random() -> u64 {
    use std::{
        hash::{BuildHasher, RandomState},
        sync::LazyLock,
    };
    static STATE: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one(0)));
    let mut z = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
