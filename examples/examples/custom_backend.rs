//! A store of one's own: four methods, a sweep, a scheme for it, and the suite that checks the library's own stores.
//! A client that is async implements `AsyncBackend` in the same way.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use memo::backend::{Backend, Item, UnixMillis, conformance, register_backend};
use memo::{Error, memoize};

type Entries = BTreeMap<Vec<u8>, (Vec<u8>, Option<UnixMillis>)>;

#[derive(Default)]
struct Shelf(Mutex<Entries>);

impl Shelf {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Shelf {
    fn name(&self) -> &'static str {
        "shelf"
    }
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.entries().get(key).map(|(bytes, _)| bytes.clone()))
    }
    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        self.entries().insert(key.to_vec(), (item.bytes.to_vec(), item.expires));
        Ok(())
    }
    fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        Ok(self.entries().remove(key).is_some())
    }
    fn remove_prefix(&self, prefix: &[u8]) -> Result<u64, Error> {
        Ok(self.entries().extract_if(.., |key, _| key.starts_with(prefix)).count() as u64)
    }
    fn purge(&self, now: UnixMillis) -> Result<u64, Error> {
        let is_over = |expires: &Option<UnixMillis>| expires.is_some_and(|expires| expires <= now);
        Ok(self.entries().extract_if(.., |_, (_, expires)| is_over(expires)).count() as u64)
    }
}

#[memoize(backend = ["memory", "shelf://letters?codec=bincode"], ttl = "1h")]
fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphabetic()).count()
}

fn main() -> Result<(), Error> {
    conformance::check(&Shelf::default());
    register_backend("shelf", |_url| Ok(Arc::new(Shelf::default())))?;
    println!("{} letters in {:?}", letters("a store, of one's own"), memo::cache_info(letters).backend);
    println!("on the shelf: {:?}", memo::backend("shelf://letters")?.get(b"absent")?);
    Ok(())
}
