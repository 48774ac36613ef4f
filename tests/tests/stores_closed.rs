//! Promise 2, row 33: what the last object of a store runs at its end may use caches itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use memo::{
    Cache, Tier,
    backend::{Backend, Memory},
};
use memo_tests::within_20_s;

type Numbers = Cache<u32, u32>;

/// A store that makes a cache over another one when it is closed.
struct Reports(Memory);

impl Drop for Reports {
    fn drop(&mut self) {
        drop(over("report", Memory::new()));
    }
}

impl Backend for Reports {
    fn name(&self) -> &'static str {
        "reports"
    }

    memo_tests::as_inside!(self.0: get set remove remove_prefix);
}

fn over(name: &str, store: impl Backend) -> Numbers {
    Numbers::builder(name).tier(Tier::of(Arc::new(store))).build().expect("nothing is wrong")
}

#[test]
fn a_store_is_closed_while_other_caches_are_made() {
    within_20_s(|| {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    drop(over("other", Memory::new()));
                }
            });
            for _ in 0..5_000 {
                drop(over("closes", Reports(Memory::new())));
            }
            is_over.store(true, Ordering::SeqCst);
        });
    });
}
