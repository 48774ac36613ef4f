//! What keeps the stores of a cache in shape.

use super::{Core, Error, Face, Key, Value, switch};
#[cfg(feature = "stores")]
use crate::cache::on;
use crate::flight::wait::block_on;

impl<K, V> Core<K, V> {
    /// Writes what waits to be written; what fails is counted and reported.
    pub(super) fn write_out(&self) {
        if let Some(space) = &self.0.typed.space
            && let Err(error) = block_on(space.stores.write_out(Face::Thread))
        {
            space.stores.failed(&error);
        }
    }
}

impl<K: Key, V: Value> Core<K, V> {
    pub(in crate::cache) async fn purge(&self, face: Face) -> Result<u64, Error> {
        switch::reachable()?;
        self.ready(face).await?;
        let in_memory = self.instance().store.purge();
        let Some(stores) = self.stores() else { return Ok(in_memory) };
        let purged = stores.purge(face).await;
        Ok(in_memory + self.told(purged, 0)?)
    }

    pub(in crate::cache) async fn len(&self, face: Face) -> Result<u64, Error> {
        self.ready(face).await?;
        match self.stores() {
            None => Ok(self.0.typed.store.len()),
            Some(stores) => {
                let len = stores.len(face).await;
                self.told(len, 0)
            }
        }
    }

    pub(in crate::cache) async fn flush(&self, face: Face) -> Result<(), Error> {
        #[cfg(feature = "stores")]
        if let Some(whole) = &self.0.whole {
            let whole = whole.clone();
            return on(face, move || whole.save_changes()).await;
        }
        let Some(stores) = self.stores() else { return Ok(()) };
        let flushed = stores.flush(face).await;
        self.told(flushed, ())
    }

    #[cfg(feature = "stores")]
    pub(in crate::cache) async fn add_tier(&self, face: Face, tier: crate::Tier) -> Result<(), Error> {
        let Some(stores) = self.stores() else {
            let name = self.name();
            let message = format!("the cache `{name}` was built without a store: its keys and values need no bytes");
            return Err(Error::unsupported(message));
        };
        stores.add(face, (&tier, self.0.spec.codec.as_deref())).await
    }
}
