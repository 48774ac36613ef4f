//! Rows 26, 31, 32, 40: stores of bytes, their URLs, and schemes of one's own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use memo::{
    Error,
    backend::{Backend, Item, Memory, Null, conformance, register_backend},
};
use memo_tests::within_20_s;

#[test]
fn the_stores_of_this_process_conform() {
    conformance::check(&Memory::new());
    conformance::check(&Null);
}

/// The least that a store can be.
#[derive(Default)]
struct Least(Mutex<HashMap<Vec<u8>, Vec<u8>>>);

impl Backend for Least {
    fn name(&self) -> &'static str {
        "least"
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.lock().expect("no panic").get(key).cloned())
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        let mut entries = self.0.lock().expect("no panic");
        // Forgets at once what has expired before the year 2000.
        match item.expires {
            Some(expires) if expires < 946_684_800_000 => entries.remove(key),
            _ => entries.insert(key.to_vec(), item.bytes.to_vec()),
        };
        Ok(())
    }

    fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        Ok(self.0.lock().expect("no panic").remove(key).is_some())
    }

    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error> {
        let mut entries = self.0.lock().expect("no panic");
        let before = entries.len();
        entries.retain(|key, _| !key.starts_with(prefix));
        Ok((before - entries.len()) as u64)
    }
}

#[test]
fn four_methods_are_a_store() {
    conformance::check(&Least::default());
}

#[test]
fn one_url_is_one_store() {
    let one = memo::backend("memory://shared?codec=bincode").expect("opens");
    let same = memo::backend("memory://shared?ttl=5m").expect("opens");
    let other = memo::backend("memory://other").expect("opens");
    one.set(b"k", Item::new(b"v")).expect("sets");
    assert_eq!(same.get(b"k").expect("reads").as_deref(), Some(&b"v"[..]), "the parameters of values name no store");
    assert_eq!(other.get(b"k").expect("reads"), None);
    drop((one, same));
    let again = memo::backend("memory://shared").expect("opens");
    assert_eq!(again.get(b"k").expect("reads"), None, "a store that nobody holds is closed");
}

#[test]
fn schemes_of_ones_own() {
    register_backend("least", |url| {
        if url.location().is_empty() {
            return Err(Error::config(format!("`{url}` names no bucket")));
        }
        Ok(Arc::new(Least::default()))
    })
    .expect("it is new");
    let store = memo::backend("least://bucket?anything=goes").expect("opens");
    assert_eq!(store.name(), "least");
    let error = memo::backend("least://").err().expect("its factory refuses");
    assert!(error.is_config() && error.to_string().contains("names no bucket"), "{error}");
    let twice = register_backend("least", |_| Ok(Arc::new(Null))).expect_err("registered before");
    assert!(twice.to_string().contains("before"), "{twice}");
    let ours = register_backend("sqlite", |_| Ok(Arc::new(Null))).expect_err("the library's own");
    assert!(ours.to_string().contains("library's own"), "{ours}");
    for scheme in ["", "a b", "1x", "x:", "x/"] {
        let error = register_backend(scheme, |_| Ok(Arc::new(Null))).expect_err(scheme);
        assert!(error.is_config() && error.to_string().contains("can't be a scheme"), "{error}");
    }
}

#[test]
fn a_scheme_can_stand_for_another_store() {
    register_backend("standing", |_| memo::backend("memory://behind-a-scheme")).expect("a new scheme");
    let behind = within_20_s(|| memo::backend("standing://for")).expect("opens");
    behind.set(b"key", Item::new(b"value")).expect("sets");
    let store = memo::backend("memory://behind-a-scheme").expect("is open");
    assert_eq!(store.get(b"key").expect("gets").as_deref(), Some(&b"value"[..]));
}

#[test]
fn an_unknown_scheme_names_the_known_ones() {
    let error = memo::backend("sqlit://x").err().expect("unknown");
    assert!(error.is_config(), "{error}");
    assert!(error.to_string().contains("memory") && error.to_string().contains("null"), "{error}");
}
