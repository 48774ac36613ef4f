//! The connections that tasks share: one for each runtime, opened when it is first needed and again when it was lost.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_lock::Mutex as AsyncMutex;
use parking_lot::Mutex;

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
    /// Read by every request; changed by who holds `opening`.
    link: Mutex<Option<Link<T>>>,
    /// So that of several who need one, one connects.
    opening: AsyncMutex<()>,
}

impl<C: Connect> Links<C> {
    pub(in crate::backend) fn new(connect: Arc<C>) -> Self {
        Self { connect, places: Mutex::default(), made: AtomicU64::new(0) }
    }

    /// The connection of whoever asks, if there is one.
    #[cfg(feature = "postgres")]
    pub(in crate::backend) fn there(&self, face: Face) -> Option<Link<C::Client>> {
        let (whose, _) = runtime::of(face).ok()?;
        let place = self.places.lock().iter().find(|place| place.whose == whose)?.clone();
        let link = place.link.lock();
        link.clone()
    }

    /// The connection of whoever asks, opened now if there is none.
    pub(in crate::backend) async fn get(&self, face: Face) -> Result<Link<C::Client>, Failure> {
        let (whose, handle) = runtime::of(face).map_err(Failure::lost)?;
        let place = self.place(whose);
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
    async fn connect_on(&self, runtime: &tokio::runtime::Handle) -> Option<Result<C::Client, Error>> {
        let connect = self.connect.clone();
        runtime.spawn(async move { connect.connect().await }).await.ok()
    }

    fn place(&self, whose: Whose) -> Arc<Place<C::Client>> {
        let mut places = self.places.lock();
        if let Some(place) = places.iter().find(|place| place.whose == whose) {
            return place.clone();
        }
        let place = Arc::new(Place { whose, link: Mutex::new(None), opening: AsyncMutex::new(()) });
        places.push(place.clone());
        place
    }

    /// Gives a connection up, by its number, so that the next request makes another.
    pub(in crate::backend) fn give_up(&self, lost: u64) {
        let mut places = self.places.lock();
        for place in &*places {
            place.link.lock().take_if(|link| link.number == lost);
        }
        // What nobody has connected on for long may have ended with its runtime.
        places.retain(|place| place.link.lock().is_some() || Arc::strong_count(place) > 1);
    }
}

#[cold]
fn ended() -> Error {
    Error::unavailable("the runtime that was to connect has ended")
}
