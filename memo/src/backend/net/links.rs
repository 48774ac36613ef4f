//! The connections that tasks share: one for each runtime, opened when it is first needed and again when it was lost.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_lock::Mutex as AsyncMutex;
use parking_lot::Mutex;
use tokio::{runtime::Handle, task::AbortHandle};

use super::{
    Failure,
    runtime::{self, Whose},
};
use crate::{backend::Face, error::Error};

/// How a connection is made.
pub(in crate::backend) trait Connect: Send + Sync + 'static {
    /// A connection that several tasks use at the same time. Its requests are futures that any executor can poll.
    type Client: Clone + Send + Sync + 'static;

    /// Connects; polled on a tokio runtime, on which the connection stays.
    fn connect(&self) -> impl Future<Output = Result<Self::Client, Error>> + Send;
}

/// A connection, and which one it is.
pub(in crate::backend) struct Link<C> {
    pub(in crate::backend) client: C,
    pub(in crate::backend) number: u64,
}

impl<C: Clone> Clone for Link<C> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), number: self.number }
    }
}

pub(in crate::backend) struct Links<C: Connect> {
    connect: Arc<C>,
    places: Mutex<Vec<Arc<Place<C::Client>>>>,
    made: AtomicU64,
}

/// Where the connection of one runtime is.
struct Place<T> {
    whose: Whose,
    /// A task that does nothing, and ends with the runtime.
    living: AbortHandle,
    /// Read by every request; changed by who holds `opening`.
    link: Mutex<Option<Link<T>>>,
    /// So that of several who need one, one connects.
    opening: AsyncMutex<()>,
}

impl<T> Place<T> {
    fn new(whose: Whose, runtime: &Handle) -> Self {
        let living = runtime.spawn(std::future::pending::<()>()).abort_handle();
        Self { whose, living, link: Mutex::new(None), opening: AsyncMutex::new(()) }
    }

    /// Another runtime may have its name by now.
    fn has_ended(&self) -> bool {
        self.living.is_finished()
    }
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        self.living.abort();
    }
}

impl<C: Connect> Links<C> {
    pub(in crate::backend) fn new(connect: Arc<C>) -> Self {
        Self { connect, places: Mutex::default(), made: AtomicU64::new(0) }
    }

    /// The connection of whoever asks, if there is one.
    #[cfg(feature = "postgres")]
    pub(in crate::backend) fn there(&self, face: Face) -> Option<Link<C::Client>> {
        let (whose, _) = runtime::of(face).ok()?;
        let place = self.places.lock().iter().find(|place| place.whose == whose && !place.has_ended())?.clone();
        let link = place.link.lock();
        link.clone()
    }

    /// The connection of whoever asks, opened now if there is none.
    pub(in crate::backend) async fn get(&self, face: Face) -> Result<Link<C::Client>, Failure> {
        let (whose, handle) = runtime::of(face).map_err(Failure::lost)?;
        let place = self.place(whose, &handle);
        if let Some(link) = &*place.link.lock() {
            return Ok(link.clone());
        }
        let _opening = place.opening.lock().await;
        if let Some(link) = &*place.link.lock() {
            return Ok(link.clone());
        }
        let connected = match self.connect_on(&handle).await {
            Some(connected) => connected,
            // A runtime without sockets, or one that ends.
            None if whose != Whose::Ours => {
                self.connect_on(&runtime::ours().map_err(Failure::lost)?).await.unwrap_or_else(|| Err(ended()))
            }
            None => Err(ended()),
        };
        let client = connected.map_err(Failure::lost)?;
        let link = Link { client, number: self.made.fetch_add(1, Ordering::Relaxed) };
        *place.link.lock() = Some(link.clone());
        Ok(link)
    }

    /// `None` if the runtime can't.
    async fn connect_on(&self, runtime: &Handle) -> Option<Result<C::Client, Error>> {
        let connect = self.connect.clone();
        runtime.spawn(async move { connect.connect().await }).await.ok()
    }

    fn place(&self, whose: Whose, runtime: &Handle) -> Arc<Place<C::Client>> {
        let mut places = self.places.lock();
        if let Some(place) = places.iter().find(|place| place.whose == whose && !place.has_ended()) {
            return place.clone();
        }
        let (lost, live): (Vec<_>, Vec<_>) = places.drain(..).partition(|place| place.has_ended());
        let place = Arc::new(Place::new(whose, runtime));
        places.extend(live.into_iter().chain([place.clone()]));
        drop(places);
        // Not under the lock: it closes connections.
        drop(lost);
        place
    }

    /// Gives a connection up, by its number, so that the next request makes another.
    pub(in crate::backend) fn give_up(&self, lost: u64) {
        for place in &*self.places.lock() {
            place.link.lock().take_if(|link| link.number == lost);
        }
    }
}

#[cold]
fn ended() -> Error {
    Error::unavailable("the runtime that was to connect has ended")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always;

    impl Connect for Always {
        type Client = ();

        async fn connect(&self) -> Result<(), Error> {
            Ok(())
        }
    }

    #[test]
    fn connections_end_with_their_runtimes() {
        let links = Links::new(Arc::new(Always));
        let mut numbers = Vec::new();
        for _ in 0..10 {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("tokio");
            let get = || runtime.block_on(links.get(Face::Task)).ok().expect("connected").number;
            numbers.push(get());
            assert_eq!(Some(&get()), numbers.last(), "one for each");
        }
        numbers.dedup();
        assert_eq!(numbers.len(), 10, "none is taken for that of another");
        assert_eq!(links.places.lock().len(), 1);
    }
}
