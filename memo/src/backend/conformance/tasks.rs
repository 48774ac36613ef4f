//! What tasks rely on, beyond what threads do.

use std::{
    pin::{Pin, pin},
    sync::{Arc, mpsc},
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use super::{super::Answer, AsyncBackend, Item, key};
use crate::{error::Error, flight::wait::block_on};

/// A store that needs longer for one answer is taken for one that never wakes.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn check(store: &Arc<dyn AsyncBackend>) {
    latest_waker(store);
    letting_go(&**store);
    side_by_side(&**store);
    block_on(store.remove_prefix(b"conformance|")).expect("a store can be emptied");
}

fn poll<T>(future: &mut Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// A future that was polled here goes on elsewhere.
fn latest_waker(store: &Arc<dyn AsyncBackend>) {
    let (store, key) = (store.clone(), key("tasks", "waker"));
    let (done, ended) = mpsc::channel();
    // Not joined: it may sleep for ever.
    thread::spawn(move || {
        let set = goes_on(store.set(&key, Item::new(b"x")));
        done.send(set.and_then(|()| goes_on(store.get(&key)).map(drop))).ok();
    });
    let ended = ended.recv_timeout(PATIENCE);
    let result =
        ended.unwrap_or_else(|_| panic!("a future is woken by the waker of its latest poll; this one was not"));
    result.expect("an entry can be set and read");
}

fn goes_on<T>(mut future: Answer<'_, T>) -> Result<T, Error> {
    match poll(&mut future.as_mut()) {
        Poll::Ready(result) => result,
        Poll::Pending => block_on(future),
    }
}

/// A future may be dropped between two polls, and harms nobody.
fn letting_go(store: &dyn AsyncBackend) {
    let key = key("tasks", "dropped");
    block_on(store.set(&key, Item::new(b"old"))).expect("an entry can be set");
    let keeps = block_on(store.get(&key)).expect("an entry can be read").is_some();
    for _ in 0..20 {
        let mut read = pin!(store.get(&key));
        let _ = poll(&mut read);
    }
    {
        let mut write = pin!(store.set(&key, Item::new(b"new")));
        let _ = poll(&mut write);
    }
    let read = block_on(store.get(&key)).expect("an entry can be read");
    let is_whole = read.as_deref().is_none_or(|bytes| matches!(bytes, b"old" | b"new"));
    assert!(is_whole, "an entry whose write was dropped is the old one, or the new one, or gone");
    block_on(store.set(&key, Item::new(b"last"))).expect("an entry can be set after a write was dropped");
    assert_eq!(
        block_on(store.get(&key)).expect("an entry can be read").is_some(),
        keeps,
        "a dropped write ends nothing"
    );
}

/// Requests that are on their way at the same time do not mix.
fn side_by_side(store: &dyn AsyncBackend) {
    const TASKS: u8 = 16;
    let task = async |number: u8| {
        let own = key("tasks", &format!("own{number}"));
        for round in 0..5 {
            let bytes = vec![number; 10 + round];
            store.set(&own, Item::new(&bytes)).await.expect("an entry can be set");
            let read = store.get(&own).await.expect("an entry can be read");
            assert!(read.is_none_or(|read| read == bytes), "a task reads what it wrote last");
        }
    };
    let mut tasks: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> = (0..TASKS).map(|n| Box::pin(task(n)) as _).collect();
    block_on(std::future::poll_fn(|cx| {
        tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
        if tasks.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }));
}
