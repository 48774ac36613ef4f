//! Rows 12, 35: `#[invalidates]` deletes entries of cache objects, named like those of a map.

use std::sync::{Arc, LazyLock};

use memo::{Cache, aio, invalidates, memoize};
use memo_tests::{fresh, within_20_s};

static SESSIONS: LazyLock<Cache<String, u64>> = LazyLock::new(|| Cache::builder("sessions").build().expect("memory"));

/// An entry that is there.
fn session(name: &str) -> u64 {
    SESSIONS.set(name.to_owned(), 1).expect("memory");
    1
}

fn is_there(name: &str) -> bool {
    SESSIONS.contains(name).expect("memory")
}

#[test]
fn an_entry_is_named_as_in_a_map() {
    #[invalidates(SESSIONS[name])]
    fn by_text(name: &str) {
        assert!(is_there(name), "not before the body has ended");
    }
    // The body consumes what names the entry.
    #[invalidates(SESSIONS[&name])]
    fn by_string(name: String) -> usize {
        name.into_bytes().len()
    }
    #[invalidates((SESSIONS[&format!("user {id}")]), SESSIONS["everybody"])]
    fn by_expression(id: u64) -> u64 {
        id
    }
    for name in ["by text", "by string", "user 7", "everybody", "another"] {
        session(name);
    }
    by_text("by text");
    by_string("by string".to_owned());
    by_expression(7);
    assert!(!["by text", "by string", "user 7", "everybody"].into_iter().any(is_there));
    assert!(is_there("another"));
}

#[test]
fn only_a_success_deletes() {
    #[invalidates(SESSIONS["kept"])]
    fn update(fails: bool) -> Result<(), String> {
        if fails { Err("failed".into()) } else { Ok(()) }
    }
    session("kept");
    update(true).expect_err("it fails");
    assert!(is_there("kept"));
    update(false).expect("it works");
    assert!(!is_there("kept"));
}

struct Shop {
    carts: Arc<Cache<(u32, u64), Vec<u64>>>,
    prices: aio::Cache<u64, u64>,
}

impl Shop {
    #[memoize(cache = self.prices)]
    async fn price(&self, article: u64) -> u64 {
        article + fresh()
    }

    #[invalidates(self.carts[&(shop, cart)], Shop::price(self, article), tag = "articles")]
    async fn remove(&self, shop: u32, cart: u64, article: u64) -> Result<(), String> {
        if article == 0 { Err("no such article".to_owned()) } else { Ok(()) }
    }

    #[invalidates(self.prices[&article], self.carts[&(1, article)])]
    async fn discount(&mut self, article: u64) {}
}

#[test]
fn entries_of_fields_in_async_methods() {
    let mut shop = Shop {
        carts: Arc::new(Cache::open("carts", "memory://invalidates-carts").expect("memory")),
        prices: Cache::builder("prices").build().expect("memory").into(),
    };
    within_20_s(|| {
        smol::block_on(async move {
            shop.carts.set((1, 2), vec![3]).expect("memory");
            let price = shop.price(3).await;
            shop.remove(1, 2, 0).await.expect_err("no such article");
            assert_eq!((shop.carts.len().expect("memory"), shop.price(3).await), (1, price));
            shop.remove(1, 2, 3).await.expect("there");
            let next = shop.price(3).await;
            assert_eq!((shop.carts.len().expect("memory"), next != price), (0, true));
            shop.discount(3).await;
            assert_ne!(shop.price(3).await, next);
        });
    });
}

#[test]
fn a_body_that_runs_meanwhile_does_not_store_its_value() {
    #[invalidates(SESSIONS["meanwhile"])]
    fn invalidate() {}
    let value = SESSIONS.get_or_compute("meanwhile", || {
        invalidate();
        7
    });
    assert_eq!(value.expect("memory"), 7);
    assert!(!is_there("meanwhile"));
}
