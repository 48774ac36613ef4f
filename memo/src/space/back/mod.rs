//! Write-back: the first tier has a value at once, the others get it from a queue, in the background.
//!
//! Whoever writes to the tiers behind the first holds the *outlet*: one that works on the queue, a deletion, a clear, a caller for
//! whom the queue has no room. It is taken after the turns of keys, never before. A deletion takes values out of the queue
//! first, so that what is written afterwards is not among them, and waits for the outlet, so that what is being written
//! has been; then it goes to the tiers. As long as a value waits or is being written, readers find it in the queue.

mod queue;

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use async_lock::{Mutex, MutexGuardArc};
use parking_lot::Mutex as Lock;

use self::queue::{BATCH, Queue};
use super::{EntryKey, Face, Offer, Outcome, Stores, face::in_background};
use crate::{call::switch, clock, error::Error, flight::timer::Alarm};

/// What the stores of a function with write-back have beside their tiers.
pub(super) struct Back {
    queue: Lock<Queue>,
    outlet: Arc<Mutex<()>>,
    /// The first of the tiers that are written to in the background.
    first: usize,
}

/// The bytes that wait; none if they are over by now.
pub(super) struct Queued(pub(super) Option<Vec<u8>>);

/// The right to write to the tiers behind the first.
pub(super) type Outlet = MutexGuardArc<()>;

impl Back {
    pub(super) fn new(has_memory: bool) -> Self {
        Self { queue: Lock::default(), outlet: Arc::default(), first: usize::from(!has_memory) }
    }

    /// What waits for this tier under a key. No older bytes count then.
    pub(super) fn find(&self, tier: usize, key: &EntryKey) -> Option<Queued> {
        if tier != self.first {
            return None;
        }
        let offer = self.queue.lock().get(key.flat())?.clone();
        Some(Queued(offer.bytes(tier).map(<[u8]>::to_vec)))
    }

    /// Is something to be written to this tier under a key, or being written?
    pub(super) fn is_to_write(&self, tier: usize, key: &EntryKey) -> bool {
        tier >= self.first && self.queue.lock().get(key.flat()).is_some()
    }

    /// Takes the entries of a key out, of all versions; were there any?
    pub(super) fn forget(&self, key: &EntryKey) -> bool {
        let forgotten = self.with(|queue| queue.remove_under(&key.all_versions(), |_| true));
        forgotten.iter().any(|offer| offer.bytes(self.first).is_some())
    }

    /// Takes out what is under a prefix, or what of it carries all of some tags; gives it.
    pub(super) fn forget_under(&self, prefix: &[u8], tags: Option<&[String]>) -> Vec<Arc<Offer>> {
        let is_wanted = |offer: &Offer| tags.is_none_or(|tags| offer.has_tags(tags));
        self.with(|queue| queue.remove_under(prefix, is_wanted))
    }

    /// Does something to the queue. If nothing is left to wait for, whoever waits is told.
    fn with<R>(&self, act: impl FnOnce(&mut Queue) -> R) -> R {
        let mut queue = self.queue.lock();
        let result = act(&mut queue);
        let is_over = queue.len() == 0 || queue.resumes() == 0;
        let sleeper = if is_over { queue.sleeper.take() } else { None };
        drop(queue);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
        result
    }

    pub(super) async fn outlet(&self) -> Outlet {
        self.outlet.lock_arc().await
    }

    fn len(&self) -> u64 {
        self.queue.lock().len() as u64
    }

    /// Waits until there is something to write, and it is time for that. `false`: there is nothing, and nobody works here
    /// any more.
    async fn next(&self) -> bool {
        let mut alarm = None;
        std::future::poll_fn(|cx| self.poll_next(&mut alarm, cx)).await
    }

    fn poll_next(&self, alarm: &mut Option<Alarm>, cx: &mut Context<'_>) -> Poll<bool> {
        let resumes = {
            let mut queue = self.queue.lock();
            if queue.len() == 0 {
                queue.is_worked_on = false;
                return Poll::Ready(false);
            }
            queue.sleeper = Some(cx.waker().clone());
            queue.resumes()
        };
        let alarm = alarm.insert(Alarm::new(resumes));
        if alarm.poll(cx.waker()) { Poll::Ready(true) } else { Poll::Pending }
    }
}

impl Stores {
    /// The number of values that wait to be written.
    pub(crate) fn queued(&self) -> u64 {
        self.back.as_ref().map_or(0, Back::len)
    }

    /// Puts values into the first tier, in the turns of their keys, and into the queue for the others; into all tiers if the queue is
    /// full, or if they are not simply to take the place of what is there.
    pub(super) async fn write_back(
        self: &Arc<Self>,
        back: &Back,
        face: Face,
        offers: &[Arc<Offer>],
    ) -> Result<Vec<Outcome>, Error> {
        if offers.iter().all(|offer| offer.can_wait()) && back.queue.lock().push_all(offers) {
            self.work(back);
            if back.first > 0 {
                self.put(face, 0..back.first, offers).await?;
            }
            return Ok(vec![Outcome::Stored; offers.len()]);
        }
        let _outlet = back.outlet().await;
        for offer in offers.iter().filter(|offer| offer.yields()) {
            self.settle(back, face, offer.key()).await?;
        }
        let outcomes = self.put(face, 0..usize::MAX, offers).await?;
        // Not before: if the tiers fail, what waits is not to be lost.
        for offer in offers.iter().filter(|offer| !offer.yields()) {
            back.forget(offer.key());
        }
        Ok(outcomes)
    }

    /// Has the tiers have what waits for them under a key, by the outlet, in the key's turn.
    pub(super) async fn settle(self: &Arc<Self>, back: &Back, face: Face, key: &EntryKey) -> Result<(), Error> {
        let waiting = back.queue.lock().get(key.flat()).cloned();
        match waiting {
            Some(offer) => self.put_behind(back, face, &[offer]).await,
            None => Ok(()),
        }
    }

    /// Has the tiers have what waits for them under a prefix, in the turns of its keys.
    pub(super) async fn settle_under(self: &Arc<Self>, face: Face, prefix: &[u8]) -> Result<(), Error> {
        let Some(back) = &self.back else { return Ok(()) };
        let waiting = || back.queue.lock().under(prefix);
        if waiting().is_empty() {
            return Ok(());
        }
        let _outlet = back.outlet().await;
        // By now, what was being written is.
        let waiting = waiting();
        if waiting.is_empty() { Ok(()) } else { self.put_behind(back, face, &waiting).await }
    }

    /// Puts values that wait into the tiers behind the first, by the outlet.
    async fn put_behind(self: &Arc<Self>, back: &Back, face: Face, offers: &[Arc<Offer>]) -> Result<(), Error> {
        self.put(face, back.first..usize::MAX, offers).await?;
        back.with(|queue| queue.written(offers));
        Ok(())
    }

    /// Has somebody work on the queue, as long as there is something in it.
    fn work(self: &Arc<Self>, back: &Back) {
        let was_worked_on = std::mem::replace(&mut back.queue.lock().is_worked_on, true);
        if !was_worked_on {
            let stores = self.clone();
            drop(in_background(async move { stores.write_queued().await }));
        }
    }

    async fn write_queued(self: &Arc<Self>) {
        let Some(back) = &self.back else { return };
        let _working = Working(back);
        while back.next().await {
            let _outlet = back.outlet().await;
            let offers = back.queue.lock().first();
            // It runs on the pool of threads: they may be blocked.
            if let Err(error) = self.put_behind(back, Face::Thread, &offers).await {
                back.queue.lock().failed(&offers, clock::now());
                self.failed(&error);
            }
        }
    }

    /// Writes all that waits now, at once.
    ///
    /// # Errors
    ///
    /// If some of it can't be written. It waits on, and is tried again in the background.
    pub(crate) async fn write_out(self: &Arc<Self>, face: Face) -> Result<(), Error> {
        if self.queued() == 0 {
            return Ok(());
        }
        switch::reachable()?;
        let stores = self.clone();
        face.finish(async move { stores.write_out_all(face).await }).await
    }

    async fn write_out_all(self: &Arc<Self>, face: Face) -> Result<(), Error> {
        let Some(back) = &self.back else { return Ok(()) };
        let _outlet = back.outlet().await;
        let all: Vec<Arc<Offer>> = back.queue.lock().in_order().collect();
        let mut failed = None;
        'all: for offers in all.chunks(BATCH) {
            if self.put_behind(back, face, offers).await.is_ok() {
                continue;
            }
            let mut in_a_row = 0;
            for offer in offers {
                match self.put_behind(back, face, std::slice::from_ref(offer)).await {
                    Ok(()) => in_a_row = 0,
                    Err(error) => {
                        failed = Some(error);
                        in_a_row += 1;
                    }
                }
                // Not this value, then, but the store.
                if in_a_row == 2 {
                    break 'all;
                }
            }
        }
        failed.map_or(Ok(()), |error| Err(self.unwritten(back, error)))
    }

    /// Says that something could not be written.
    fn unwritten(&self, back: &Back, cause: Error) -> Error {
        let (count, function) = (back.len(), self.prefix().trim_end_matches('|'));
        let values = if count == 1 { "value" } else { "values" };
        let message = format!("{count} {values} of `{function}` could not be written to all tiers: {cause}");
        cause.caused(message)
    }
}

/// Whoever works on the queue. If a store panics, the next write has somebody else do it.
struct Working<'a>(&'a Back);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.queue.lock().is_worked_on = false;
        }
    }
}
