//! Rows 33, 37; promise 3: hits restart entries in tiers that are written to in the background.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use memo::{
    Cache, Error, Tier, Write,
    backend::{Backend, Item, Memory},
    clock::TestClock,
};
use memo_tests::within_20_s;

/// A store without atomic updates, in which something happens after the next reads, or before and after the next writes.
#[derive(Default)]
struct Interrupted {
    inner: Memory,
    after_gets: Mutex<VecDeque<Event>>,
    around_sets: Mutex<VecDeque<(Event, Event)>>,
}

type Event = Box<dyn FnOnce() + Send>;

impl Backend for Interrupted {
    fn name(&self) -> &'static str {
        "interrupted"
    }

    memo_tests::as_inside!(self.inner: remove remove_prefix);

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let bytes = self.inner.get(key)?;
        let after = self.after_gets.lock().expect("no panic").pop_front();
        if let Some(after) = after {
            after();
        }
        Ok(bytes)
    }

    fn set(&self, key: &[u8], item: Item<'_>) -> Result<(), Error> {
        let around = self.around_sets.lock().expect("no panic").pop_front();
        let Some((before, after)) = around else { return self.inner.set(key, item) };
        before();
        self.inner.set(key, item)?;
        after();
        Ok(())
    }
}

impl Interrupted {
    fn after_get(&self, event: impl FnOnce() + Send + 'static) {
        self.after_gets.lock().expect("no panic").push_back(Box::new(event));
    }

    /// Holds the next write; gives what lets it go, and waits until it is there.
    fn hold_set(&self) -> impl FnOnce() + Send + 'static {
        let ((go, gone), (landed, there)) = (mpsc::channel(), mpsc::channel());
        let before = move || gone.recv().expect("somebody says go");
        let after = move || landed.send(()).expect("somebody waits");
        self.around_sets.lock().expect("no panic").push_back((Box::new(before), Box::new(after)));
        move || {
            go.send(()).expect("the write waits");
            there.recv().expect("it is written");
        }
    }
}

type Numbers = Cache<u32, u32>;

/// What a sixteenth of is ten seconds.
const WINDOW: u64 = 160;

fn numbers(name: &str, first: &str, store: &Arc<Interrupted>) -> Numbers {
    let builder = Numbers::builder(name).tier(first).tier(Tier::of(store.clone()));
    builder.ttl(WINDOW).sliding().write(Write::Back).build().expect("nothing is wrong")
}

/// What stands in the store itself.
fn stored(name: &str, store: &Arc<Interrupted>) -> Option<u32> {
    let cache = Numbers::builder(name).tier(Tier::of(store.clone())).build().expect("nothing is wrong");
    cache.get(&1).expect("reads")
}

#[test]
fn a_hit_on_an_older_value_leaves_the_store_to_the_one_that_waits() {
    within_20_s(|| {
        let clock = TestClock::install();
        let store = Arc::new(Interrupted::default());
        let cache = numbers("older", "memory", &store);
        cache.set(1, 1).expect("queued");
        cache.flush().expect("the store takes it");
        clock.advance(Duration::from_secs(20));

        let write = Arc::new(Mutex::new(Some(store.hold_set())));
        let write_now = {
            let write = write.clone();
            move || write.lock().expect("no panic").take().into_iter().for_each(|write| write())
        };
        // The value was read. While it is restarted, another is written.
        let ((read, was_read), (go, gone)) = (mpsc::channel(), mpsc::channel());
        store.after_get(move || {
            read.send(()).expect("the test waits");
            gone.recv().expect("the test says go");
        });
        store.after_get(write_now.clone());
        let reading = {
            let cache = cache.clone();
            thread::spawn(move || cache.get(&1))
        };
        was_read.recv().expect("it is read");
        cache.set(1, 2).expect("queued");
        go.send(()).expect("the read waits");
        assert_eq!(reading.join().expect("no panic").expect("reads"), Some(1), "it began before the change");
        write_now();
        cache.flush().expect("the store takes it");
        assert_eq!((cache.get(&1).expect("reads"), stored("older", &store)), (Some(2), Some(2)));
    });
}

#[test]
fn a_hit_on_what_waits_leaves_alone_what_it_replaces() {
    within_20_s(|| {
        let clock = TestClock::install();
        let store = Arc::new(Interrupted::default());
        let cache = numbers("waits", "memory://slides-before-a-queue", &store);
        cache.set(1, 1).expect("queued");
        cache.flush().expect("the store takes it");
        // In the same millisecond, so their times do not tell them apart.
        let write = Arc::new(Mutex::new(Some(store.hold_set())));
        let write_now = move || write.lock().expect("no panic").take().into_iter().for_each(|write| write());
        cache.set(1, 2).expect("queued");
        clock.advance(Duration::from_secs(20));
        store.after_get(write_now.clone());
        assert_eq!(cache.get(&1).expect("reads"), Some(2));
        let left = cache.entry(&1).expect("reads").and_then(|entry| entry.remaining());
        assert_eq!(left, Some(Duration::from_secs(WINDOW)), "the first tier has restarted it");
        write_now();
        cache.flush().expect("the store takes it");
        assert_eq!(stored("waits", &store), Some(2));
        // Now it is there to be restarted.
        clock.advance(Duration::from_secs(20));
        assert_eq!(cache.get(&1).expect("reads"), Some(2));
        clock.advance(Duration::from_secs(WINDOW - 1));
        assert_eq!(stored("waits", &store), Some(2));
    });
}
