//! Row 23: a crate without the prelude.
#![no_implicit_prelude]
#![deny(warnings)]

#[::memo::memoize(
    ttl = 300,
    jitter = 0.1,
    max_entries = 10,
    tags = ["no-prelude", text],
    cache_if = |value| *value > 0,
    validate = |entry| *entry.value() > 0,
    exclude(log)
)]
fn cached(text: &str, items: ::std::option::Option<&[&str]>, log: &mut ::std::vec::Vec<u8>) -> u64 {
    log.push(1);
    if items.is_some() { 1 } else { ::memo_tests::fresh() + text.len() as u64 }
}

#[::memo::memoize(err_ttl = 5, none_ttl = 5)]
async fn fallible(n: u8) -> ::std::result::Result<::std::option::Option<u8>, u8> {
    ::std::result::Result::Ok(::std::option::Option::Some(n))
}

#[::memo::memoize]
fn boxed(n: u8) -> ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output = u8> + ::std::marker::Send>> {
    ::std::boxed::Box::pin(async move { n })
}

#[::memo::memoize(scope = "thread")]
fn per_thread<T: ::std::default::Default + ::std::clone::Clone + 'static>() -> ::std::rc::Rc<T> {
    ::std::rc::Rc::new(<T as ::std::default::Default>::default())
}

#[::memo::invalidates(cached(text, ::std::option::Option::None, _), tag = "none", tags = ["more"])]
fn invalidate(text: &str) -> ::std::result::Result<(), u8> {
    if text.is_empty() { ::std::result::Result::Err(1) } else { ::std::result::Result::Ok(()) }
}

struct Repo<T>(T);

trait Load {
    fn load(&self) -> u8;
}

impl<T: ::std::marker::Send + ::std::marker::Sync + 'static> Repo<T> {
    #[::memo::memoize(include(self.0))]
    fn get(&self) -> u64
    where
        T: ::std::hash::Hash + ::std::cmp::Eq + ::std::clone::Clone,
    {
        let _ = &self.0;
        ::memo_tests::fresh()
    }
}

#[::memo::memoize]
impl<T> Load for Repo<T> {
    #[::memo::memoize]
    fn load(&self) -> u8 {
        7
    }
}

#[test]
fn everything_works_without_the_prelude() {
    let mut log = ::std::vec::Vec::new();
    let first = cached("a", ::std::option::Option::None, &mut log);
    ::std::assert_eq!(cached("a", ::std::option::Option::None, &mut log), first);
    ::std::assert_eq!(log.len(), 1);
    ::std::assert!(::memo::cache_get!(cached("a", ::std::option::Option::None, _)).is_some());
    ::std::assert!(::memo::skip_cache!(cached("a", ::std::option::Option::None, &mut log)) != first);
    ::std::assert!(invalidate("a").is_ok());
    ::std::assert!(::memo::cache_entry!(cached("a", ::std::option::Option::None, _)).is_none());
    ::std::assert!(::memo::cache_set!(cached("a", ::std::option::Option::None, _), 5).is_ok());
    ::std::assert!(::memo::cache_delete!(cached("a", ::std::option::Option::None, _)).is_ok());
    ::std::assert!(!::memo::explain_cache!(cached("a", ::std::option::Option::None, _)).is_hit());
    ::std::assert_eq!(::smol::block_on(fallible(1)), ::std::result::Result::Ok(::std::option::Option::Some(1)));
    ::std::assert!(::smol::block_on(::memo::cache_get!(fallible(1))).is_some());
    ::std::assert_eq!(::smol::block_on(boxed(1)), 1);
    ::std::assert!(::std::rc::Rc::ptr_eq(&per_thread::<u8>(), &per_thread::<u8>()));
    ::std::assert_eq!(Repo(1_u8).get(), Repo(1_u8).get());
    ::std::assert_eq!(Repo(1_u8).load(), 7);
    ::std::assert_eq!(::memo::call_with!(::memo::Mode::Overwrite, Repo(1_u8).load()), 7);
}
