//! The entry points of generated code: from a site to the instance, and the first step of the call.
#![expect(clippy::needless_pass_by_value, reason = "generated code has no other use for what it passes")]

use std::any::{Any, TypeId, type_name};

use super::{
    answer::{Guard, Guarded, Plain},
    begin::{self as steps, Wanted},
    begun::Started,
    function::{Identity, Make, New, Reach},
    home::{Home, OfProcess, OfThread},
    instance::Typed,
    kind::Kind,
    local::Threads,
    names,
    registry::function_of,
    share::HomeOf,
    site::{Declaration, Site},
    switch,
    typed::{Mark, TypedRef},
};
use crate::{
    key::{Ask, Asking, Query},
    space::{AnyValues, Space},
};

/// The generics of an instantiation that the function and its address form both know.
pub struct Generics {
    /// `Self`, types and constants.
    pub all: Vec<TypeId>,
    /// How many of them are the function's own.
    pub own: usize,
}

/// A closure of the function's own: its type tells instantiations apart, its result lists the generics.
pub trait Marker {
    fn describe(&self) -> Described;
}

/// What a marker says.
pub struct Described {
    marker: TypeId,
    name: &'static str,
    generics: Generics,
}

impl<M: Fn() -> Generics> Marker for M {
    fn describe(&self) -> Described {
        Described { marker: typeid::of::<M>(), name: type_name::<M>(), generics: self() }
    }
}

impl Described {
    /// How the function and its address form find the same instance.
    fn identity(self, declared: &Declaration) -> Identity {
        let name = names::without_closures(self.name);
        let prefix = names::prefix(name, declared.name);
        Identity { prefix, generics: self.generics.all, name: name.to_owned() }
    }

    /// The same, of an address form: stores know instantiations by their names, so they have one name wherever they are
    /// used first.
    fn identity_of_address(self, declared: &Declaration) -> Identity {
        let name = names::of_address(self.name, declared.name, (declared.path)(), self.generics.own);
        Identity { name, ..self.identity(declared) }
    }
}

pub(super) type Owned<Q> = <Q as Query>::Owned;
pub(super) type Val<Kd> = <Kd as Kind>::Val;

type MakeResult = (TypedRef, &'static dyn Reach);
type Same<K> = fn(&K, &K) -> bool;

/// What an instance does with keys and values.
pub(crate) struct How<K> {
    same: Same<K>,
    /// How values become bytes, if there are stores.
    values: Option<AnyValues>,
}

impl<K> Clone for How<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for How<K> {}

impl<K> How<K> {
    /// In memory only.
    pub(crate) fn in_memory(same: Same<K>) -> Self {
        Self { same, values: None }
    }

    /// In stores too.
    #[cfg(feature = "stores")]
    pub(crate) fn with_stores(same: Same<K>, values: AnyValues) -> Self {
        Self { same, values: Some(values) }
    }
}

/// What belongs to an instantiation with keys and values of these types: an instance, or one for each thread.
pub(crate) trait Target: Any + Send + Sync + Sized {
    type Key: 'static;
    fn make(new: New<'_>, how: How<Self::Key>) -> Self;
    fn reach(&'static self) -> &'static dyn Reach;
}

impl<K: Send + Sync + 'static, V: Send + Sync + 'static> Target for Typed<K, V> {
    type Key = K;

    fn make(new: New<'_>, how: How<K>) -> Self {
        let New { id, function, name, counters, stores } = new;
        let declared = function.declared;
        let outside = declared.options.outside.zip(stores).zip(how.values);
        let space = outside
            .map(|((outside, stores), values)| Space::new(stores, (&function.path, name), outside.version, values));
        Self::new(id, (declared.name.into(), declared.options), counters, how.same, space)
    }

    fn reach(&'static self) -> &'static dyn Reach {
        Box::leak(Box::new(OfProcess(self)))
    }
}

impl<K: 'static, V: 'static> Target for Threads<K, V> {
    type Key = K;

    fn make(new: New<'_>, how: How<K>) -> Self {
        Self::new(new.id, new.function.declared, new.counters, how.same)
    }

    fn reach(&'static self) -> &'static dyn Reach {
        self
    }
}

fn make<T: Target>(how: How<T::Key>) -> impl Fn(New<'_>) -> MakeResult {
    move |new| {
        let target: &'static T = Box::leak(Box::new(T::make(new, how)));
        (TypedRef::new(target), target.reach())
    }
}

#[inline]
fn target<M: Marker, T: Target>(site: &'static Site, marker: &M, same: Same<T::Key>) -> &'static T {
    target_of(site, marker, How::in_memory(same))
}

#[inline]
pub(super) fn target_of<M: Marker, T: Target>(site: &'static Site, marker: &M, how: How<T::Key>) -> &'static T {
    site.first::<M, T>().unwrap_or_else(|| resolve(site, marker, Mark::new::<M, T>(), how))
}

/// The target of an instantiation that did not come first, or that comes for the first time.
#[cold]
#[inline(never)]
fn resolve<T: Target>(site: &'static Site, marker: &dyn Marker, mark: Mark, how: How<T::Key>) -> &'static T {
    resolve_any(site, marker, mark, &make::<T>(how)).get().expect("it was asked for by type")
}

fn resolve_any(site: &'static Site, marker: &dyn Marker, mark: Mark, make: Make<'_>) -> TypedRef {
    let described = marker.describe();
    let id = described.marker;
    let identity = described.identity(&site.declared);
    site.target(mark, id, &|| function_of(&site.declared).instance(&identity, (id, mark.of), make))
}

/// All targets that an address may mean.
pub(crate) fn addressed<T: Target>(
    declared: &'static Declaration,
    marker: &dyn Marker,
    how: How<T::Key>,
) -> Vec<&'static T> {
    let function = function_of(declared);
    let described = marker.describe();
    let identity = function.meant_by(described.marker, || described.identity_of_address(function.declared));
    let targets = function.addressed(identity, TypeId::of::<T>(), &make::<T>(how));
    targets.into_iter().filter_map(TypedRef::get).collect()
}

/// What `give` makes of an ordinary hit.
#[inline]
fn hit<Kd: Kind, Q: Query, R>(
    instance: &Typed<Owned<Q>, Val<Kd>>,
    query: &Q,
    hash: u64,
    give: impl FnOnce(Kd::Ret) -> R,
) -> Option<R> {
    if !switch::is_ordinary() {
        return None;
    }
    instance.hit(query, hash, Kd::copy, |value| give(Kd::join(value)))
}

/// Begins a call of a function of the process; the same for all functions of these types.
pub(crate) fn start<Kd, Q>(instance: &'static Typed<Owned<Q>, Val<Kd>>, query: &Q) -> Started<OfProcess, Owned<Q>, Kd>
where
    Q: Query<Owned: Send + Sync>,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    let hash = query.hash();
    hit::<Kd, Q, _>(instance, query, hash, Started::Done)
        .unwrap_or_else(|| miss(OfProcess(instance), &Asking::shared(query), hash))
}

/// The steps after a lookup that was no hit.
#[cold]
#[inline(never)]
fn miss<H: HomeOf<Kd>, K: 'static, Kd: Kind>(home: H, key: &dyn Ask, hash: u64) -> Started<H, K, Kd> {
    let mut answer = Plain::<Kd>(None);
    let running = steps::settle(home.used(), Wanted::in_memory(key, hash), &mut answer, false);
    Started::at(running, home, answer.0)
}

/// The steps of a guarded call, the lookup among them if entries are looked at before they are used.
fn guarded<H: HomeOf<Kd>, K: 'static, Kd: Kind>(
    home: H,
    key: &dyn Ask,
    hash: u64,
    guard: &Guard<'_, Kd>,
) -> Started<H, K, Kd> {
    let mut answer = Guarded::by(guard);
    let running = steps::settle(home.used(), Wanted::in_memory(key, hash), &mut answer, looks(&home, guard));
    Started::at(running, home, answer.result)
}

/// Is an entry looked at closely, also where there was no ordinary hit?
fn looks<Kd: Kind>(home: &impl Home, guard: &Guard<'_, Kd>) -> bool {
    !guard.is_open() || home.used().options().windows.is_some()
}

/// An ordinary hit of a call that uses entries without looking at them.
fn hit_if_open<Kd: Kind, Q: Query>(
    instance: &Typed<Owned<Q>, Val<Kd>>,
    query: &Q,
    hash: u64,
    guard: &Guard<'_, Kd>,
) -> Option<Kd::Ret> {
    if guard.is_open() { hit::<Kd, Q, _>(instance, query, hash, |value| value) } else { None }
}

/// Begins a call.
#[inline]
pub fn begin<M: Marker, Kd, Q>(site: &'static Site, marker: &M, _: Kd, query: &Q) -> Started<OfProcess, Owned<Q>, Kd>
where
    Q: Query<Owned: Send + Sync>,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    start(target(site, marker, query.same()), query)
}

/// Begins a call whose entries are looked at before they are used, or that may fail.
pub fn begin_with<M: Marker, Kd, Q>(
    site: &'static Site,
    marker: &M,
    _: Kd,
    query: &Q,
    guard: Guard<'_, Kd>,
) -> Started<OfProcess, Owned<Q>, Kd>
where
    Q: Query<Owned: Send + Sync>,
    Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
{
    let (instance, hash) = (target::<M, Typed<_, _>>(site, marker, query.same()), query.hash());
    match hit_if_open(instance, query, hash, &guard) {
        Some(value) => Started::Done(value),
        None => guarded(OfProcess(instance), &Asking::shared(query), hash, &guard),
    }
}

/// Async functions: the first step only; the caller waits in its task.
pub(crate) mod aio {
    use super::{
        super::{
            answer::{Guard, Guarded, Plain},
            begun::Begun,
        },
        Asking, Home as _, Kind, Marker, OfProcess, Owned, Query, Site, Typed, Wanted, hit, hit_if_open, looks, steps,
        target,
    };

    pub fn begin<M: Marker, Kd, Q>(site: &'static Site, marker: &M, _: Kd, query: &Q) -> Begun<OfProcess, Owned<Q>, Kd>
    where
        Q: Query<Owned: Send + Sync>,
        Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
    {
        let (instance, hash) = (target::<M, Typed<_, _>>(site, marker, query.same()), query.hash());
        if let Some(done) = hit::<Kd, Q, _>(instance, query, hash, Begun::Done) {
            return done;
        }
        let (home, mut answer) = (OfProcess(instance), Plain::<Kd>(None));
        let step = steps::begin(home.used(), Wanted::in_memory(&Asking::shared(query), hash), &mut answer, false);
        Begun::at(step, home, answer.0)
    }

    pub fn begin_with<M: Marker, Kd, Q>(
        site: &'static Site,
        marker: &M,
        _: Kd,
        query: &Q,
        guard: Guard<'_, Kd>,
    ) -> Begun<OfProcess, Owned<Q>, Kd>
    where
        Q: Query<Owned: Send + Sync>,
        Kd: Kind<Val: Send + Sync, Shared: Send + Sync>,
    {
        let (instance, hash) = (target::<M, Typed<_, _>>(site, marker, query.same()), query.hash());
        if let Some(value) = hit_if_open(instance, query, hash, &guard) {
            return Begun::Done(value);
        }
        let (home, mut answer) = (OfProcess(instance), Guarded::by(&guard));
        let (key, looks) = (Asking::shared(query), looks(&home, &guard));
        let step = steps::begin(home.used(), Wanted::in_memory(&key, hash), &mut answer, looks);
        Begun::at(step, home, answer.result)
    }
}

/// `scope = "thread"`.
pub(crate) mod local {
    use super::{
        Asking, Guard, Kind, Marker, OfThread, Owned, Query, Site, Started, Threads, Val, guarded, hit, hit_if_open,
        miss, target,
    };

    pub fn begin<M: Marker, Kd: Kind, Q: Query>(
        site: &'static Site,
        marker: &M,
        _: Kd,
        query: &Q,
    ) -> Started<OfThread, Owned<Q>, Kd> {
        let here = target::<M, Threads<_, Val<Kd>>>(site, marker, query.same()).here();
        let hash = query.hash();
        hit::<Kd, Q, _>(&here, query, hash, Started::Done)
            .unwrap_or_else(|| miss(OfThread(here.clone()), &Asking::local(query), hash))
    }

    pub fn begin_with<M: Marker, Kd: Kind, Q: Query>(
        site: &'static Site,
        marker: &M,
        _: Kd,
        query: &Q,
        guard: Guard<'_, Kd>,
    ) -> Started<OfThread, Owned<Q>, Kd> {
        let here = target::<M, Threads<_, Val<Kd>>>(site, marker, query.same()).here();
        let hash = query.hash();
        match hit_if_open(&here, query, hash, &guard) {
            Some(value) => Started::Done(value),
            None => guarded(OfThread(here), &Asking::local(query), hash, &guard),
        }
    }
}
