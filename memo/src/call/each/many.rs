//! What a function gives for several keys: the result that one key has, and how those of all keys are one.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::{BuildHasher, Hash},
};

use crate::call::kind::{Entire, Kind};

/// What a function with `each` can return.
#[diagnostic::on_unimplemented(
    message = "`each` needs a function that gives something for every key, but this one gives `{Self}`",
    label = "not a value for each key",
    note = "return a `Vec` with a value for each key in their order, a `HashMap` of those that were found, or a `Result` of one of them"
)]
pub trait Brings: Sized {
    /// What it gives for one key.
    type One;

    /// Is it the failure of all keys?
    fn has_failed(&self) -> bool {
        false
    }

    /// The failure of one key as that of the call; `None` if it only says that there is nothing for the key.
    fn failure(_: Self::One) -> Option<Self> {
        None
    }
}

/// How the results of keys are one, where `Q` is what a map knows keys by.
pub trait Many<Q: ?Sized, Kd: Kind<Ret = Self::One>>: Brings {
    /// What it gives for these keys.
    fn apart(self, keys: &[&Q]) -> Apart<Self::One>;
    /// The results of these keys, `None` where there is nothing.
    fn together<'q>(results: impl Iterator<Item = (&'q Q, Option<Self::One>)>) -> Self
    where
        Q: 'q;
}

/// The key of a map that an element of the slice is; `Q` is the element, or what it points at.
#[diagnostic::on_unimplemented(
    message = "a map with keys of type `{Self}` has no values for elements that are `{Q}`",
    label = "the keys of the map are not the elements of the slice",
    note = "the map has the elements as its keys, owned: for `ids: &[u64]` a `HashMap<u64, …>`, for `names: &[&str]` a `HashMap<String, …>`"
)]
pub trait OfElement<Q: ?Sized>: Hash + Eq {
    fn of(element: &Q) -> Self;
    /// Takes the value of an element out of a map.
    fn take<V, S: BuildHasher>(map: &mut HashMap<Self, V, S>, element: &Q) -> Option<V>
    where
        Self: Sized;
}

#[diagnostic::do_not_recommend]
impl<Q: ?Sized + ToOwned<Owned = K> + Hash + Eq, K: Borrow<Q> + Hash + Eq> OfElement<Q> for K {
    fn of(element: &Q) -> K {
        element.to_owned()
    }

    fn take<V, S: BuildHasher>(map: &mut HashMap<K, V, S>, element: &Q) -> Option<V> {
        map.remove(element)
    }
}

/// The results of several keys.
pub enum Apart<R> {
    /// One for each, in their order.
    Each(Vec<R>),
    /// The same for all.
    Failed(R),
}

/// A map has nothing for a key.
#[derive(Clone, Debug)]
pub struct Missing;

/// Why a map that is inside of a `Result` has nothing for a key.
#[derive(Clone, Debug)]
pub enum Lacking<E> {
    Missing,
    Failed(E),
}

impl<E: From<crate::Error>> From<crate::Error> for Lacking<E> {
    fn from(error: crate::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl<V> Brings for Vec<V> {
    type One = V;
}

impl<Q: ?Sized, V, Kd: Kind<Ret = V> + Entire> Many<Q, Kd> for Vec<V> {
    fn apart(self, _: &[&Q]) -> Apart<V> {
        Apart::Each(self)
    }

    fn together<'q>(results: impl Iterator<Item = (&'q Q, Option<V>)>) -> Self
    where
        Q: 'q,
    {
        results.map(|(_, value)| value.expect("a vector has a value for every key")).collect()
    }
}

impl<V, E> Brings for Result<Vec<V>, E> {
    type One = Result<V, E>;

    fn has_failed(&self) -> bool {
        self.is_err()
    }

    fn failure(one: Self::One) -> Option<Self> {
        one.err().map(Err)
    }
}

impl<Q: ?Sized, V, E, Kd: Kind<Ret = Result<V, E>>> Many<Q, Kd> for Result<Vec<V>, E> {
    fn apart(self, _: &[&Q]) -> Apart<Self::One> {
        match self {
            Ok(values) => Apart::Each(values.into_iter().map(Ok).collect()),
            Err(error) => Apart::Failed(Err(error)),
        }
    }

    fn together<'q>(results: impl Iterator<Item = (&'q Q, Option<Self::One>)>) -> Self
    where
        Q: 'q,
    {
        results.map(|(_, result)| result.expect("a vector has a value for every key")).collect()
    }
}

impl<K, V, S> Brings for HashMap<K, V, S> {
    type One = Result<V, Missing>;
}

impl<Q, K, V, S, Kd> Many<Q, Kd> for HashMap<K, V, S>
where
    Q: ?Sized,
    K: OfElement<Q>,
    S: BuildHasher + Default,
    Kd: Kind<Ret = Result<V, Missing>>,
{
    fn apart(mut self, keys: &[&Q]) -> Apart<Self::One> {
        Apart::Each(keys.iter().map(|key| K::take(&mut self, key).ok_or(Missing)).collect())
    }

    fn together<'q>(results: impl Iterator<Item = (&'q Q, Option<Self::One>)>) -> Self
    where
        Q: 'q,
    {
        results.filter_map(|(key, result)| Some((K::of(key), result?.ok()?))).collect()
    }
}

impl<K, V, S, E> Brings for Result<HashMap<K, V, S>, E> {
    type One = Result<V, Lacking<E>>;

    fn has_failed(&self) -> bool {
        self.is_err()
    }

    fn failure(one: Self::One) -> Option<Self> {
        match one {
            Err(Lacking::Failed(error)) => Some(Err(error)),
            Ok(_) | Err(Lacking::Missing) => None,
        }
    }
}

impl<Q, K, V, S, E, Kd> Many<Q, Kd> for Result<HashMap<K, V, S>, E>
where
    Q: ?Sized,
    K: OfElement<Q>,
    S: BuildHasher + Default,
    Kd: Kind<Ret = Result<V, Lacking<E>>>,
{
    fn apart(self, keys: &[&Q]) -> Apart<Self::One> {
        match self {
            Ok(mut map) => Apart::Each(keys.iter().map(|key| K::take(&mut map, key).ok_or(Lacking::Missing)).collect()),
            Err(error) => Apart::Failed(Err(Lacking::Failed(error))),
        }
    }

    fn together<'q>(results: impl Iterator<Item = (&'q Q, Option<Self::One>)>) -> Self
    where
        Q: 'q,
    {
        let found = |(key, result): (&Q, Option<Self::One>)| match result {
            Some(Ok(value)) => Some(Ok((K::of(key), value))),
            Some(Err(Lacking::Failed(error))) => Some(Err(error)),
            Some(Err(Lacking::Missing)) | None => None,
        };
        results.filter_map(found).collect()
    }
}
