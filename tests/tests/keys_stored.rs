//! Rows 5, 6; promise 6: what is in a key that goes to a store, and what is not.
#![allow(clippy::needless_pass_by_value, reason = "pools come by value, too")]

use std::{marker::PhantomData, sync::Arc};

use memo::{cache_get, memoize};
use memo_tests::fresh;
use proptest::prelude::*;
use serde::{Serialize, Serializer, ser::Error as _};

/// A connection as drivers have it: neither `Hash` nor `Clone`, and no serde type.
struct Connection;
struct Pool<T>(PhantomData<T>);

#[test]
fn connections_and_pools_are_left_out_by_themselves() {
    #[memoize(backend = "memory://by-connection")]
    fn by_connection(connection: &Connection, id: u8) -> u64 {
        u64::from(id) + fresh()
    }
    #[memoize(backend = "memory://by-mutable-connection")]
    fn by_mutable_connection(connection: &mut Connection, id: u8) -> u64 {
        let _ = connection;
        u64::from(id) + fresh()
    }
    #[memoize(backend = ["memory", "memory://by-pool"])]
    fn by_pool(id: u8, pool: Pool<u8>) -> u64 {
        u64::from(id) + fresh()
    }
    #[memoize(backend = "memory://by-shared-pool")]
    fn by_shared_pool(id: u8, pool: &Arc<Pool<u8>>) -> u64 {
        u64::from(id) + fresh()
    }
    let pool = || Pool(PhantomData);
    assert_eq!(by_connection(&Connection, 1), by_connection(&Connection, 1));
    assert_ne!(by_connection(&Connection, 1), by_connection(&Connection, 2));
    assert_eq!(by_mutable_connection(&mut Connection, 1), by_mutable_connection(&mut Connection, 1));
    assert_eq!(by_pool(1, pool()), by_pool(1, pool()));
    assert_ne!(by_pool(1, pool()), by_pool(2, pool()));
    assert_eq!(by_shared_pool(1, &pool().into()), by_shared_pool(1, &pool().into()));
    assert_eq!(cache_get!(by_connection(&Connection, 1)), Some(by_connection(&Connection, 1)));
}

#[tokio::test]
async fn connections_are_left_out_in_tasks() {
    #[memoize(backend = "memory://async-connection")]
    async fn by_connection(connection: &Connection, id: u8) -> u64 {
        u64::from(id) + fresh()
    }
    assert_eq!(by_connection(&Connection, 1).await, by_connection(&Connection, 1).await);
    assert_ne!(by_connection(&Connection, 1).await, by_connection(&Connection, 2).await);
}

/// Also if serde could write it: whether it is in the key does not depend on the store.
#[test]
fn what_is_left_out_in_memory_is_left_out_in_stores() {
    mod driver {
        #[derive(serde::Serialize)]
        pub(super) struct Connection(pub(super) u8);
    }
    #[memoize(backend = "memory://writable-connection")]
    fn by_connection(connection: &driver::Connection, id: u8) -> u64 {
        u64::from(id) + fresh()
    }
    assert_eq!(by_connection(&driver::Connection(1), 1), by_connection(&driver::Connection(2), 1));
}

#[test]
fn what_can_be_a_key_stays_in_it_whatever_it_is_called() {
    mod named {
        #[derive(Clone, PartialEq, Eq, Hash, serde::Serialize)]
        pub(super) struct Connection(pub(super) u8);
    }
    #[memoize(backend = "memory://named-connection")]
    fn by_type(connection: &named::Connection) -> u64 {
        fresh()
    }
    assert_eq!(by_type(&named::Connection(1)), by_type(&named::Connection(1)));
    assert_ne!(by_type(&named::Connection(1)), by_type(&named::Connection(2)));
}

/// A key whose names are nearly other keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
enum Hostile {
    A(u8),
    #[serde(rename = "A(1)")]
    LooksLikeA,
    #[serde(rename = "name,asc")]
    Pair(u8, u8),
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "asc")]
    Asc(u8, u8),
    #[serde(rename = "a|b")]
    Separator,
    #[serde(rename = "`")]
    Quote {
        a: u8,
        #[serde(rename = "b:0,c")]
        b: u8,
    },
    Text(String),
    List(Vec<Hostile>),
    Sparse(Sparse),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
struct Sparse {
    #[serde(rename = "a:Some(1),b", skip_serializing_if = "Option::is_none")]
    both: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<u8>,
}

fn hostile() -> impl Strategy<Value = Hostile> {
    let leaf = prop_oneof![
        (0..2_u8).prop_map(Hostile::A),
        Just(Hostile::LooksLikeA),
        (0..2_u8, 0..2_u8).prop_map(|(a, b)| Hostile::Pair(a, b)),
        Just(Hostile::Name),
        (0..2_u8, 0..2_u8).prop_map(|(a, b)| Hostile::Asc(a, b)),
        Just(Hostile::Separator),
        (0..2_u8, 0..2_u8).prop_map(|(a, b)| Hostile::Quote { a, b }),
        "[a|`\"\\\\(),\n]{0,3}|A\\(1\\)".prop_map(Hostile::Text),
        prop::array::uniform3(prop::option::of(1..2_u8)).prop_map(|[both, a, b]| Hostile::Sparse(Sparse {
            both,
            a,
            b
        })),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| prop::collection::vec(inner, 0..3).prop_map(Hostile::List))
}

#[memoize(backend = "memory://hostile")]
fn by_hostile(keys: &[Hostile]) -> String {
    format!("{keys:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    /// The store tells keys apart by their texts alone, and all these stand in it together.
    #[test]
    fn different_keys_have_different_texts(keys in prop::collection::vec(hostile(), 1..3)) {
        prop_assert_eq!(by_hostile(&keys), format!("{keys:?}"));
    }
}

#[test]
fn a_key_that_can_not_be_written_is_counted() {
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Odd(u8);
    impl Serialize for Odd {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if self.0 % 2 == 1 { Err(S::Error::custom("it is odd")) } else { serializer.serialize_u8(self.0) }
        }
    }
    #[memoize(backend = "memory://odd-keys")]
    fn by_odd(odd: &Odd) -> u64 {
        fresh()
    }
    assert_eq!(by_odd(&Odd(2)), by_odd(&Odd(2)));
    assert_ne!(by_odd(&Odd(1)), by_odd(&Odd(1)));
    assert_eq!(memo::cache_info(by_odd).errors, 2);
}
