//! A store that is waited for only so long (`backend_timeout`): whoever waits goes on then, and so does the store. What it is still at
//! takes no more than a few threads, and no change overtakes an earlier one that was given up.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_lock::{Mutex as AsyncMutex, Semaphore, SemaphoreGuardArc};
use parking_lot::Mutex;

use super::{
    Face,
    face::{InBackground, in_background},
};
use crate::{
    backend::Store,
    clock::{self, Millis},
    error::Error,
    flight::timer::within,
};

/// So many requests a store that blocks may be at: each takes a thread of the pool (500 in all), and one that hangs keeps it.
const MOST: usize = 64;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Read,
    Change,
}

pub(super) struct Timed {
    timeout: Millis,
    places: Arc<Semaphore>,
    /// Somebody waited for a place in vain, and nobody has got one since.
    is_full: AtomicBool,
    /// Each is locked as long as a change goes on that nobody waits for any more.
    late: Mutex<Vec<Arc<AsyncMutex<()>>>>,
}

impl Timed {
    pub(super) fn new(timeout: Millis) -> Self {
        let places = Arc::new(Semaphore::new(MOST));
        Self { timeout, places, is_full: AtomicBool::new(false), late: Mutex::default() }
    }

    /// Has a store do something, in one go, and waits for that so long. `name`: how errors call it.
    pub(super) async fn ask<R, F>(
        &self,
        (store, name): (Store, &str),
        does: Does,
        work: impl FnOnce(Store) -> F + Send + 'static,
    ) -> Result<R, Error>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, Error>> + Send,
    {
        let begun = clock::machine();
        if does == Does::Change {
            // It may still come to its end, and must not do so after this one.
            let earlier = async {
                for change in self.late() {
                    change.lock().await;
                }
            };
            within(Duration::from_millis(self.timeout), pin!(earlier)).await.ok_or_else(|| self.too_late(name))?;
        }
        let place = if store.blocks() { Some(self.place(begun, name).await?) } else { None };
        let mut answer = in_background(async move {
            let answer = Face::Task.ask(&store, work).await;
            drop(place);
            answer
        });
        if let Some(answer) = within(self.left(begun), pin!(&mut answer)).await {
            return answer;
        }
        if does == Does::Change {
            self.goes_on(answer);
        }
        Err(self.too_late(name))
    }

    fn left(&self, begun: Millis) -> Duration {
        Duration::from_millis(self.timeout.saturating_sub(clock::machine().saturating_sub(begun)))
    }

    /// The place for a request that blocks.
    async fn place(&self, begun: Millis, name: &str) -> Result<SemaphoreGuardArc, Error> {
        let place = match self.places.try_acquire_arc() {
            Some(place) => Some(place),
            None if self.is_full.load(Ordering::Relaxed) => None,
            None => within(self.left(begun), pin!(self.places.acquire_arc())).await,
        };
        self.is_full.store(place.is_none(), Ordering::Relaxed);
        place.ok_or_else(|| {
            Error::unavailable(format!(
                "`{name}` is still at {MOST} requests, and did not answer within {} ms",
                self.timeout
            ))
        })
    }

    /// The changes that nobody waits for, but that still go on.
    fn late(&self) -> Vec<Arc<AsyncMutex<()>>> {
        let mut late = self.late.lock();
        late.retain(|change| change.try_lock().is_none());
        late.clone()
    }

    fn goes_on<R: Send + 'static>(&self, answer: InBackground<R>) {
        let change = Arc::new(AsyncMutex::new(()));
        let going_on = change.try_lock_arc();
        self.late.lock().push(change);
        drop(in_background(async move {
            answer.await;
            drop(going_on);
        }));
    }

    #[cold]
    fn too_late(&self, name: &str) -> Error {
        Error::unavailable(format!("`{name}` did not answer within {} ms", self.timeout))
    }
}
