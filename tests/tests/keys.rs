//! Rows 5, 6: what is in the key, and what is not.
#![allow(
    clippy::items_after_statements,
    clippy::needless_pass_by_value,
    clippy::used_underscore_binding,
    reason = "names with an underscore are what is tested"
)]

use std::fmt::Debug;

use memo::{cache_get, memoize};
use memo_tests::{counts, fresh};

/// What can't be a key.
struct Logger;

#[test]
fn excluded_arguments_do_not_count() {
    #[memoize(exclude(logger, level))]
    fn cached(logger: &Logger, n: u8, level: u8) -> (u8, u64) {
        let _ = logger;
        (n + level, fresh())
    }
    let first = cached(&Logger, 1, 1);
    assert_eq!(cached(&Logger, 1, 2), first);
    assert_ne!(cached(&Logger, 2, 1), first);
}

#[test]
fn several_excludes_combine() {
    #[memoize(exclude(a), exclude(b))]
    fn cached(a: u8, b: u8, c: u8) -> u64 {
        let _ = (a, b);
        u64::from(c) + fresh()
    }
    assert_eq!(cached(1, 1, 1), cached(2, 2, 1));
    assert_ne!(cached(1, 1, 1), cached(1, 1, 2));
}

#[test]
fn an_excluded_mutable_argument_is_changed_by_runs_only() {
    #[memoize(exclude(log))]
    fn cached(log: &mut Vec<u8>, n: u8) -> u8 {
        log.push(n);
        n
    }
    let mut log = Vec::new();
    cached(&mut log, 1);
    cached(&mut log, 1);
    cached(&mut log, 2);
    assert_eq!(log, [1, 2]);
}

#[test]
fn names_with_an_underscore_are_left_out() {
    #[memoize]
    fn cached(_logger: &Logger, n: u8, _: u8) -> u64 {
        u64::from(n) + fresh()
    }
    assert_eq!(cached(&Logger, 1, 1), cached(&Logger, 1, 2));
    assert_ne!(cached(&Logger, 1, 1), cached(&Logger, 2, 1));
}

#[test]
fn include_brings_a_name_with_an_underscore_back() {
    #[memoize(include(_tenant))]
    fn cached(_tenant: u8, _trace: u8, n: u8) -> u64 {
        u64::from(_tenant + n) + fresh()
    }
    assert_eq!(cached(1, 1, 1), cached(1, 2, 1));
    assert_ne!(cached(1, 1, 1), cached(2, 1, 1));
}

/// A connection as drivers have it: neither `Hash` nor `Clone`.
struct Connection;
struct Pool<T>(std::marker::PhantomData<T>);

#[test]
fn connections_and_pools_are_left_out_by_themselves() {
    #[memoize]
    fn by_connection(connection: &Connection, id: u8) -> u64 {
        u64::from(id) + fresh()
    }
    #[memoize]
    fn by_mutable_connection(connection: &mut Connection, id: u8) -> u64 {
        let _ = connection;
        u64::from(id) + fresh()
    }
    #[memoize]
    fn by_pool(id: u8, pool: Pool<u8>) -> u64 {
        u64::from(id) + fresh()
    }
    #[memoize]
    fn by_shared_pool(id: u8, pool: &std::sync::Arc<Pool<u8>>) -> u64 {
        u64::from(id) + fresh()
    }
    let pool = || Pool(std::marker::PhantomData);
    assert_eq!(by_connection(&Connection, 1), by_connection(&Connection, 1));
    assert_ne!(by_connection(&Connection, 1), by_connection(&Connection, 2));
    assert_eq!(by_mutable_connection(&mut Connection, 1), by_mutable_connection(&mut Connection, 1));
    assert_eq!(by_pool(1, pool()), by_pool(1, pool()));
    assert_ne!(by_pool(1, pool()), by_pool(2, pool()));
    assert_eq!(by_shared_pool(1, &pool().into()), by_shared_pool(1, &pool().into()));
}

#[test]
fn what_can_be_a_key_stays_in_it_whatever_it_is_called() {
    mod named {
        /// A key in spite of its name.
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub(super) struct Connection(pub(super) u8);
    }
    #[memoize]
    fn by_type(connection: &named::Connection) -> u64 {
        fresh()
    }
    #[memoize]
    fn by_name(connection: u8, pool: &str, logger: char) -> u64 {
        fresh()
    }
    assert_eq!(by_type(&named::Connection(1)), by_type(&named::Connection(1)));
    assert_ne!(by_type(&named::Connection(1)), by_type(&named::Connection(2)));
    let first = by_name(1, "a", 'x');
    assert_eq!(by_name(1, "a", 'x'), first);
    for other in [by_name(2, "a", 'x'), by_name(1, "b", 'x'), by_name(1, "a", 'y')] {
        assert_ne!(other, first);
    }
}

#[test]
fn an_argument_with_a_connection_inside_is_never_dropped() {
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Request {
        connection: u8,
        pool: u8,
    }
    #[memoize]
    fn cached(request: &Request) -> u64 {
        u64::from(request.connection + request.pool) + fresh()
    }
    let request = |connection, pool| Request { connection, pool };
    assert_eq!(cached(&request(1, 1)), cached(&request(1, 1)));
    assert_ne!(cached(&request(1, 1)), cached(&request(2, 1)));
    assert_ne!(cached(&request(1, 1)), cached(&request(1, 2)));
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Repo {
    tenant: u32,
    inner: Inner,
    calls: u32,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Inner {
    name: String,
}

impl Repo {
    fn new(tenant: u32, name: &str) -> Self {
        Self { tenant, inner: Inner { name: name.into() }, calls: 0 }
    }

    #[memoize(exclude(self))]
    fn shared(&self, n: u32) -> u64 {
        u64::from(self.tenant + n) + fresh()
    }

    #[memoize(include(self.tenant))]
    fn by_tenant(&self, n: u32) -> u64 {
        u64::from(self.tenant + n) + fresh()
    }

    #[memoize(include(self.tenant, self.inner.name))]
    fn by_both(&self, n: u32) -> u64 {
        u64::from(self.tenant + n) + self.inner.name.len() as u64 + fresh()
    }

    #[memoize(include(self))]
    fn by_all(&self, n: u32) -> u64 {
        u64::from(self.tenant + n) + fresh()
    }

    #[memoize(include(self.tenant))]
    fn mutating(&mut self, n: u32) -> u32 {
        self.calls += 1;
        self.calls + n
    }
}

#[test]
fn the_receiver_is_left_out_unless_it_is_included() {
    let (one, two) = (Repo::new(1, "a"), Repo::new(2, "a"));
    assert_eq!(one.shared(1), two.shared(1));
    assert_ne!(one.shared(1), one.shared(2));
    assert_eq!(one.by_tenant(1), Repo::new(1, "b").by_tenant(1));
    assert_ne!(one.by_tenant(1), two.by_tenant(1));
    assert_eq!(one.by_both(1), Repo::new(1, "a").by_both(1));
    assert_ne!(one.by_both(1), Repo::new(1, "b").by_both(1));
    assert_ne!(one.by_both(1), two.by_both(1));
    assert_eq!(one.by_all(1), one.clone().by_all(1));
    assert_ne!(one.by_all(1), Repo { calls: 1, ..one.clone() }.by_all(1));
    assert_eq!(cache_get!(two.by_tenant(1)), Some(two.by_tenant(1)));
}

#[test]
fn a_part_of_a_mutable_receiver_can_be_in_the_key() {
    let (mut one, mut two) = (Repo::new(10, "a"), Repo::new(20, "a"));
    assert_eq!((one.mutating(1), one.mutating(1), one.calls), (2, 2, 1));
    assert_eq!((two.mutating(1), two.calls), (2, 1));
    assert_eq!(memo::cache_info(Repo::mutating).misses, 2);
}

#[test]
fn a_field_of_an_excluded_argument_can_be_included() {
    struct Session {
        user: u32,
        _logger: Logger,
    }
    #[memoize(exclude(session), include(session.user))]
    fn cached(session: &Session, n: u8) -> u64 {
        u64::from(session.user) + u64::from(n) + fresh()
    }
    let session = |user| Session { user, _logger: Logger };
    assert_eq!(cached(&session(1), 1), cached(&session(1), 1));
    assert_ne!(cached(&session(1), 1), cached(&session(2), 1));
}

#[test]
fn a_key_of_ones_own_replaces_the_default() {
    #[memoize(key = text.to_lowercase())]
    fn folded(text: &str, ignored: u8) -> (usize, u64) {
        let _ = ignored;
        (text.len(), fresh())
    }
    assert_eq!(folded("ABC", 1), folded("abc", 2));
    assert_ne!(folded("abc", 1), folded("abd", 1));
    assert_eq!(cache_get!(folded("aBc", 3)), Some(folded("abc", 1)));

    #[memoize(key = (a.min(b), a.max(b)))]
    fn symmetric(a: u32, b: u32) -> u64 {
        u64::from(a + b) + fresh()
    }
    assert_eq!(symmetric(1, 2), symmetric(2, 1));
    assert_ne!(symmetric(1, 2), symmetric(1, 1));

    #[memoize(key = ())]
    fn single(logger: Logger, n: u8) -> u64 {
        let _ = logger;
        u64::from(n) + fresh()
    }
    assert_eq!(single(Logger, 1), single(Logger, 2));
    assert_eq!(counts(single), (1, 1, 1));
}

#[test]
fn a_key_may_borrow_and_may_be_of_a_type_that_is_no_tuple() {
    #[memoize(key = name.trim())]
    fn trimmed(name: String) -> (String, u64) {
        (name, fresh())
    }
    let first = trimmed(" a".into());
    assert_eq!(trimmed("a ".into()), first);
    assert_ne!(trimmed("b".into()), first);

    #[memoize(key = f64::from(n) * 0.5)]
    fn floating(n: u32) -> u64 {
        u64::from(n) + fresh()
    }
    assert_eq!(floating(1), floating(1));
    assert_ne!(floating(1), floating(2));

    #[memoize(key = { let short = text.len() < 3; (short, text.is_empty()) })]
    fn block(text: &str) -> (usize, u64) {
        (text.len(), fresh())
    }
    assert_eq!(block("ab"), block("cd"));
    assert_ne!(block("ab"), block(""));
}

#[test]
fn a_key_makes_arguments_cachable_that_are_no_keys() {
    struct Opaque<T>(u32, T);
    #[memoize(key = opaque.0)]
    fn cached<T: Debug + 'static>(opaque: &Opaque<T>) -> (String, u64) {
        (format!("{:?}", opaque.1), fresh())
    }
    assert_eq!(cached(&Opaque(1, 0.5)).0, "0.5");
    assert_eq!(cached(&Opaque(1, 0.7)).0, "0.5");
    assert_eq!(cached(&Opaque(1, "x")).0, "\"x\"");
}

#[test]
fn a_key_of_ones_own_takes_arguments_as_they_are() {
    #[memoize(key = (name, parts))]
    fn cached(name: String, parts: &[Option<&str>], ignored: u8) -> (Vec<u8>, u64) {
        (name.into_bytes(), parts.len() as u64 + u64::from(ignored) + fresh())
    }
    let first = cached("a".into(), &[Some("b")], 1);
    assert_eq!(cached("a".into(), &[Some("b")], 2), first);
    assert_eq!(cache_get!(cached("a".into(), &[Some("b")], _)), Some(first.clone()));
    assert_ne!(cached("a".into(), &[None], 1), first);
    assert_ne!(cached("b".into(), &[Some("b")], 1), first);
}
