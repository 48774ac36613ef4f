//! The expansion of `attributed.rs`, by hand: what generated code looks like, and what it has to match.

use std::hash::Hash;

use memo::memoize;

pub fn user(log: &str, id: u64) -> Option<String> {
    ::memo::__private::site!(
        "user",
        ::memo::__private::Options {
            ttl: ::memo::__private::millis(300000u64),
            value_tags: true,
            ..::memo::__private::Options::NEW
        }
    );
    match ::memo::__private::begin(
        &__MEMO_SITE,
        &|| ::memo::__private::ids!(0;),
        ::memo::__private::plain::<Option<String>>(),
        &::memo::__private::key((::memo::__private::Val,), (&id,)),
    ) {
        ::memo::__private::Started::Done(value) => value,
        ::memo::__private::Started::Run(mut run) => {
            let tags0 = ::memo::__private::tags([format!("user:{id}")]);
            let result = run.call(move || -> Option<String> { (id > 0).then(|| format!("{log}{id}")) });
            run.finish_with(result, run.extras().tags(tags0).cache_if(&|user| user.is_some()))
        }
    }
}
#[doc(hidden)]
#[inline]
pub fn __memoize_attribute_of_user(
    _: impl ::core::marker::Sized,
    (id,): (u64,),
    then: &mut dyn ::core::ops::FnMut(&::memo::__private::Address<'_, Option<String>>),
) {
    ::memo::__private::declaration!(
        "user",
        ::memo::__private::Options {
            ttl: ::memo::__private::millis(300000u64),
            value_tags: true,
            ..::memo::__private::Options::NEW
        }
    );
    ::memo::__private::address(
        __MEMO_DECLARED,
        &|| ::memo::__private::ids!(0;),
        ::memo::__private::plain::<Option<String>>(),
        &::memo::__private::key((::memo::__private::Val,), (&id,)),
        ::memo::__private::Guard::none(),
        &|set| set.store(set.extras().tags(::memo::__private::tags([format!("user:{id}")]))),
        then,
    );
}

pub async fn fetch(url: &str) -> Result<String, std::fmt::Error> {
    ::memo::__private::site!("fetch", ::memo::__private::Options::NEW);
    let mut begun = ::memo::__private::aio::begin(
        &__MEMO_SITE,
        &|| ::memo::__private::ids!(0;),
        ::memo::__private::kind!(Result<String, std::fmt::Error>),
        &::memo::__private::key((::memo::__private::Ref,), (&url,)),
    );
    while let ::memo::__private::Begun::Wait(wait) = begun {
        begun = wait.await.again();
    }
    match begun {
        ::memo::__private::Begun::Done(value) => value,
        ::memo::__private::Begun::Run(run) => {
            let result = run
                .drive(::memo::__private::output::<Result<String, std::fmt::Error>, _>(async move {
                    if let ::core::option::Option::Some(value) =
                        ::core::option::Option::None::<Result<String, std::fmt::Error>>
                    {
                        return value;
                    }
                    Ok(url.to_owned())
                }))
                .await;
            run.finish(result)
        }
        ::memo::__private::Begun::Wait(_) => ::core::unreachable!(),
    }
}
#[doc(hidden)]
#[inline]
pub fn __memoize_attribute_of_fetch(
    url: &str,
    (): (),
    then: &mut dyn ::core::ops::FnMut(&::memo::__private::aio::Address<'_, Result<String, std::fmt::Error>>),
) {
    ::memo::__private::declaration!("fetch", ::memo::__private::Options::NEW);
    ::memo::__private::aio::address(
        __MEMO_DECLARED,
        &|| ::memo::__private::ids!(0;),
        ::memo::__private::quiet::kind!(Result<String, std::fmt::Error>),
        &::memo::__private::key((::memo::__private::Ref,), (&url,)),
        ::memo::__private::Guard::none(),
        &::memo::__private::unchanged,
        then,
    );
}

pub fn pair<T: Hash + Eq + Clone + Send + Sync + 'static, const N: usize>(value: T) -> ([T; N], usize) {
    ::memo::__private::site!(
        "pair",
        ::memo::__private::Options {
            max_entries: ::core::option::Option::Some(10u64),
            ..::memo::__private::Options::NEW
        }
    );
    match ::memo::__private::begin(
        &__MEMO_SITE,
        &|| ::memo::__private::ids!(2; T; N: usize),
        ::memo::__private::kind!(([T; N], usize)),
        &::memo::__private::key((::memo::__private::leaf!(value),), (&value,)),
    ) {
        ::memo::__private::Started::Done(value) => value,
        ::memo::__private::Started::Run(mut run) => {
            let result = run.call(move || -> ([T; N], usize) { (std::array::from_fn(|_| value.clone()), N) });
            run.finish(result)
        }
    }
}
#[doc(hidden)]
#[inline]
pub fn __memoize_attribute_of_pair<T: Hash + Eq + Clone + Send + Sync + 'static, const N: usize>(
    value: T,
    (): (),
    then: &mut dyn ::core::ops::FnMut(&::memo::__private::Address<'_, ([T; N], usize)>),
) {
    ::memo::__private::declaration!(
        "pair",
        ::memo::__private::Options {
            max_entries: ::core::option::Option::Some(10u64),
            ..::memo::__private::Options::NEW
        }
    );
    ::memo::__private::address(
        __MEMO_DECLARED,
        &|| ::memo::__private::ids!(2; T; N: usize),
        ::memo::__private::quiet::kind!(([T; N], usize)),
        &::memo::__private::key((::memo::__private::quiet::leaf!(value),), (&value,)),
        ::memo::__private::Guard::none(),
        &::memo::__private::unchanged,
        then,
    );
}

pub struct Repo {
    pub tenant: u32,
}

impl Repo {
    pub fn profile(&self, id: u64) -> String {
        ::memo::__private::site!("profile", ::memo::__private::Options::NEW);
        match ::memo::__private::begin(
            &__MEMO_SITE,
            &|| ::memo::__private::ids!(0; Self),
            ::memo::__private::plain::<String>(),
            &::memo::__private::key(
                (::memo::__private::Val, ::memo::__private::leaf!(self.tenant)),
                (&id, &self.tenant),
            ),
        ) {
            ::memo::__private::Started::Done(value) => value,
            ::memo::__private::Started::Run(mut run) => {
                let result = run.call(move || -> String { format!("{}:{id}", self.tenant) });
                run.finish(result)
            }
        }
    }
    #[doc(hidden)]
    #[inline]
    pub fn __memoize_attribute_of_profile(
        &self,
        (id,): (u64,),
        then: &mut dyn ::core::ops::FnMut(&::memo::__private::Address<'_, String>),
    ) {
        ::memo::__private::declaration!("profile", ::memo::__private::Options::NEW);
        ::memo::__private::address(
            __MEMO_DECLARED,
            &|| ::memo::__private::ids!(0; Self),
            ::memo::__private::plain::<String>(),
            &::memo::__private::key(
                (::memo::__private::Val, ::memo::__private::quiet::leaf!(self.tenant)),
                (&id, &self.tenant),
            ),
            ::memo::__private::Guard::none(),
            &::memo::__private::unchanged,
            then,
        );
    }
    #[doc(hidden)]
    #[inline]
    pub fn __memoize_attribute_on_method_profile(
        &self,
        (arg1,): (u64,),
        then: &mut dyn ::core::ops::FnMut(&::memo::__private::Address<'_, String>),
    ) {
        Self::__memoize_attribute_of_profile(self, (arg1,), then);
    }
}

pub trait Load {
    type Key;
    fn load(&self, key: Self::Key) -> u64;
}

impl Load for Repo {
    type Key = u32;
    fn load(&self, key: Self::Key) -> u64 {
        ::memo::__private::site!("load", ::memo::__private::Options::NEW);
        match ::memo::__private::begin(
            &__MEMO_SITE,
            &|| ::memo::__private::ids!(0; Self),
            ::memo::__private::plain::<u64>(),
            &::memo::__private::key((::memo::__private::leaf!(key),), (&key,)),
        ) {
            ::memo::__private::Started::Done(value) => value,
            ::memo::__private::Started::Run(mut run) => {
                let result = run.call(move || -> u64 { u64::from(key) + u64::from(self.tenant) });
                run.finish(result)
            }
        }
    }
}
#[doc(hidden)]
pub trait __Memo_Load_for_Repo_65bd0063: Load {
    #[doc(hidden)]
    fn __memoize_attribute_of_load<'memo0>(
        _: impl ::memo::__private::Stands<&'memo0 Self>,
        _: (Self::Key,),
        then: &mut dyn ::core::ops::FnMut(&::memo::__private::Address<'_, u64>),
    ) where
        Self: 'memo0;
    #[doc(hidden)]
    fn __memoize_attribute_on_method_load(
        &self,
        _: (Self::Key,),
        then: &mut dyn ::core::ops::FnMut(&::memo::__private::Address<'_, u64>),
    );
}
#[doc(hidden)]
impl __Memo_Load_for_Repo_65bd0063 for Repo {
    #[doc(hidden)]
    #[inline]
    fn __memoize_attribute_of_load<'memo0>(
        _: impl ::memo::__private::Stands<&'memo0 Self>,
        (key,): (Self::Key,),
        then: &mut dyn ::core::ops::FnMut(&::memo::__private::Address<'_, u64>),
    ) where
        Self: 'memo0,
    {
        ::memo::__private::declaration!("load", ::memo::__private::Options::NEW);
        ::memo::__private::address(
            __MEMO_DECLARED,
            &|| ::memo::__private::ids!(0; Self),
            ::memo::__private::plain::<u64>(),
            &::memo::__private::key((::memo::__private::quiet::leaf!(key),), (&key,)),
            ::memo::__private::Guard::none(),
            &::memo::__private::unchanged,
            then,
        );
    }
    #[doc(hidden)]
    #[inline]
    fn __memoize_attribute_on_method_load(
        &self,
        (arg1,): (Self::Key,),
        then: &mut dyn ::core::ops::FnMut(&::memo::__private::Address<'_, u64>),
    ) {
        Self::__memoize_attribute_of_load(::memo::__private::Any, (arg1,), then);
    }
}
