//! What an attribute says beyond constants: values computed from arguments, closures over the value.

use std::{any::Any, time::Duration};

use super::{
    kind::Kind,
    site::Jitter,
    terms::{Terms, Ttl},
};
use crate::{clock, freshness::depends::Depends, memory::entries::weigh_any, tags::Tag};

/// What can be written as a time to live: seconds or a `Duration`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no time to live",
    label = "expected seconds (an integer or a float) or a `Duration`",
    note = "an `Option` of one of these works too: `None` means that the entry never expires"
)]
pub trait IntoTtl {
    fn into_ttl(self) -> Ttl;
}

impl IntoTtl for Duration {
    fn into_ttl(self) -> Ttl {
        Ttl(Some(clock::millis(self)))
    }
}

macro_rules! seconds {
    ($($int:ty),*) => {$(
        impl IntoTtl for $int {
            /// A negative number of seconds is over already.
            fn into_ttl(self) -> Ttl {
                Ttl(Some(u64::try_from(self).unwrap_or(0).saturating_mul(1000)))
            }
        }
    )*};
}
seconds!(u8, u16, u32, u64, usize, i32, i64);

impl IntoTtl for f64 {
    fn into_ttl(self) -> Ttl {
        // Not a number, and less than nothing, are over already; more than a `Duration` holds never ends.
        let duration =
            if self.is_nan() || self <= 0.0 { Some(Duration::ZERO) } else { Duration::try_from_secs_f64(self).ok() };
        Ttl(duration.map(clock::millis))
    }
}

impl<T: IntoTtl> IntoTtl for Option<T> {
    fn into_ttl(self) -> Ttl {
        self.map_or(Ttl(None), IntoTtl::into_ttl)
    }
}

/// A time to live that an expression over the arguments gave.
pub fn ttl(value: impl IntoTtl) -> Ttl {
    value.into_ttl()
}

/// A closure that gives each value its time to live.
pub fn ttl_of<Kd: Kind, T: IntoTtl>(_: Kd, of: impl Fn(&Kd::Val) -> T) -> impl Fn(&Kd::Val) -> Ttl {
    move |value| of(value).into_ttl()
}

/// Tags that were computed from the arguments.
pub fn tags(tags: impl IntoIterator<Item = impl Into<Tag>>) -> Vec<Tag> {
    tags.into_iter().map(Into::into).collect()
}

/// A closure that gives each value its tags.
pub fn tags_of<Kd: Kind, T: IntoTags>(_: Kd, of: impl Fn(&Kd::Val) -> T) -> impl Fn(&Kd::Val) -> Vec<Tag> {
    move |value| of(value).into_tags()
}

/// What can be given as tags: a collection of texts, or one text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` gives no tags",
    label = "expected one text, or an array or vector of texts"
)]
pub trait IntoTags {
    fn into_tags(self) -> Vec<Tag>;
}

macro_rules! one_tag {
    ($($text:ty),*) => {$(
        impl IntoTags for $text {
            fn into_tags(self) -> Vec<Tag> { vec![self.into()] }
        }
    )*};
}
one_tag!(&str, String, &String, Tag);

impl<T: Into<Tag>> IntoTags for Vec<T> {
    fn into_tags(self) -> Vec<Tag> {
        tags(self)
    }
}

impl<T: Into<Tag>, const N: usize> IntoTags for [T; N] {
    fn into_tags(self) -> Vec<Tag> {
        tags(self)
    }
}

impl<T: Into<Tag>> IntoTags for Option<T> {
    fn into_tags(self) -> Vec<Tag> {
        tags(self)
    }
}

pub(crate) type Test<'a, V> = &'a dyn Fn(&V) -> bool;
type TagsOf<'a, V> = &'a dyn Fn(&V) -> Vec<Tag>;
type TtlOf<'a, V> = &'a dyn Fn(&V) -> Ttl;
type Weigh<'a, K, V> = &'a dyn Fn(&K, &V) -> u64;
/// A time to live for the values that pass a test.
type TtlWhere<V> = (fn(&V) -> bool, Ttl);

/// How a value is to be stored. Built by generated code, once per run of the body.
pub struct Extras<'a, K, V> {
    pub(crate) ttl: Option<Ttl>,
    pub(crate) ttl_of: Option<TtlOf<'a, V>>,
    /// Times to live for some values: an `Err`, a `None`.
    pub(crate) ttl_where: Vec<TtlWhere<V>>,
    pub(crate) jitter: Option<Jitter>,
    pub(crate) if_absent: bool,
    pub(crate) tags: Vec<Tag>,
    pub(crate) tags_of: Vec<TagsOf<'a, V>>,
    pub(crate) cache_if: Vec<Test<'a, V>>,
    pub(crate) weigh: Option<Weigh<'a, K, V>>,
    pub(crate) depends: Option<Depends>,
}

impl<'a, K, V> Extras<'a, K, V> {
    pub(crate) fn new() -> Self {
        Self {
            ttl: None,
            ttl_of: None,
            ttl_where: Vec::new(),
            jitter: None,
            if_absent: false,
            tags: Vec::new(),
            tags_of: Vec::new(),
            cache_if: Vec::new(),
            weigh: None,
            depends: None,
        }
    }

    #[must_use]
    pub fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = Some(ttl);
        self
    }

    #[must_use]
    pub fn ttl_of(mut self, of: TtlOf<'a, V>) -> Self {
        self.ttl_of = Some(of);
        self
    }

    /// Where no constant of the function says it.
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = Some(jitter);
        self
    }

    /// Where no constant of the function says it.
    #[must_use]
    pub fn if_absent(mut self) -> Self {
        self.if_absent = true;
        self
    }

    #[must_use]
    pub fn tags(mut self, mut tags: Vec<Tag>) -> Self {
        self.tags.append(&mut tags);
        self
    }

    #[must_use]
    pub fn tags_of(mut self, of: TagsOf<'a, V>) -> Self {
        self.tags_of.push(of);
        self
    }

    #[must_use]
    pub fn cache_if(mut self, test: Test<'a, V>) -> Self {
        self.cache_if.push(test);
        self
    }

    #[must_use]
    pub fn weigh(mut self, weigh: Weigh<'a, K, V>) -> Self {
        self.weigh = Some(weigh);
        self
    }

    #[must_use]
    pub fn depends(mut self, depends: &Depends) -> Self {
        self.depends = Some(depends.clone());
        self
    }

    /// `Err` is stored as long as anything else.
    #[must_use]
    pub fn cache_err(self) -> Self
    where
        V: IsResult,
    {
        self
    }

    #[must_use]
    pub fn err_ttl(mut self, ttl: Ttl) -> Self
    where
        V: IsResult,
    {
        self.ttl_where.push((V::is_err, ttl));
        self
    }

    #[must_use]
    pub fn none_ttl(mut self, ttl: Ttl) -> Self
    where
        V: IsOption,
    {
        self.ttl_where.push((V::is_none, ttl));
        self
    }

    /// The terms for a value. The times of their own that `Err` and `None` have know no jitter and no sliding.
    pub(crate) fn terms(&self, value: &V, literal: &[&str]) -> Terms {
        let special = self.ttl_where.iter().find(|(test, _)| test(value)).map(|(_, ttl)| *ttl);
        let ttl = special.or_else(|| self.ttl_of.map(|of| of(value))).or(self.ttl);
        let stores = self.cache_if.iter().all(|test| test(value));
        let computed = self.tags_of.iter().flat_map(|of| of(value));
        let tags = distinct(self.tags.iter().cloned().chain(computed).collect(), literal);
        let (jitter, yields) = (self.jitter, self.if_absent);
        let dependency = self.depends.as_ref().and_then(|depends| depends.seen().ok()).cloned();
        Terms { stores, ttl, jitter, varies: special.is_none(), yields, tags, dependency, ..Terms::default() }
    }
}

/// `Weigh` for keys and values given as `dyn Any`.
impl<'a, K: 'static, V: 'static> Extras<'a, K, V> {
    pub(crate) fn weigh_any(&self) -> Option<impl Fn(&dyn Any, &dyn Any) -> u64 + use<'a, K, V>> {
        self.weigh.map(weigh_any::<K, V>)
    }
}

/// Tags without repetition, and without those that all entries of the function have.
fn distinct(mut tags: Vec<Tag>, literal: &[&str]) -> Vec<Tag> {
    tags.retain(|tag| !literal.contains(&tag.as_str()));
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// What `cache_err` and `err_ttl` need of the return type.
#[diagnostic::on_unimplemented(
    message = "`cache_err` and `err_ttl` need a function that returns a `Result`",
    label = "this function returns `{Self}`"
)]
pub trait IsResult {
    fn is_err(&self) -> bool;
}

impl<T, E> IsResult for Result<T, E> {
    fn is_err(&self) -> bool {
        Result::is_err(self)
    }
}

/// Where what is stored is no failure.
pub fn never_fails<V>(_: &V) -> bool {
    false
}

/// Where an `Err` is, which could be stored.
pub fn err_fails<V: IsResult>(value: &V) -> bool {
    value.is_err()
}

/// What `none_ttl` needs of the stored value.
#[diagnostic::on_unimplemented(
    message = "`none_ttl` needs a function whose stored value is an `Option`",
    label = "this function stores `{Self}`"
)]
pub trait IsOption {
    fn is_none(&self) -> bool;
}

impl<T> IsOption for Option<T> {
    fn is_none(&self) -> bool {
        Option::is_none(self)
    }
}

impl<T, E> IsOption for Result<Option<T>, E> {
    fn is_none(&self) -> bool {
        matches!(self, Ok(None))
    }
}

/// What `on_timeout = "fail"` needs of the return type.
#[diagnostic::on_unimplemented(
    message = "`on_timeout = \"fail\"` needs a `Result` whose error is `From<memo::Error>`",
    label = "this function returns `{Self}`",
    note = "implement `From<memo::Error>` for the error type, or say `on_timeout = \"run\"`"
)]
pub trait FromTimeout {
    fn from_timeout(error: crate::Error) -> Self;
}

impl<T, E: From<crate::Error>> FromTimeout for Result<T, E> {
    fn from_timeout(error: crate::Error) -> Self {
        Err(error.into())
    }
}

/// How a call that waited too long fails.
pub fn fail_with<R: FromTimeout>() -> fn(crate::Error) -> R {
    R::from_timeout
}
