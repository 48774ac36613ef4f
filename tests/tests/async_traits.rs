//! Rows 1, 2: `async fn` in traits, and `async_trait` inside and outside of the attribute.

use async_trait::async_trait;
use memo::{cache_delete, cache_get, memoize, skip_cache};
use memo_tests::fresh;
use smol::block_on;

#[async_trait]
trait Loader {
    async fn load(&self, n: &str) -> Result<u64, std::fmt::Error>;
    async fn make(n: u8) -> u64
    where
        Self: Sized;
}

struct Outside;
struct Inside;

#[memoize]
#[async_trait]
impl Loader for Outside {
    #[memoize]
    async fn load(&self, n: &str) -> Result<u64, std::fmt::Error> {
        tick().await;
        Ok(n.len() as u64 + fresh())
    }

    #[memoize]
    async fn make(n: u8) -> u64 {
        tick().await;
        u64::from(n) + fresh()
    }
}

#[async_trait]
#[memoize]
impl Loader for Inside {
    #[memoize]
    async fn load(&self, n: &str) -> Result<u64, std::fmt::Error> {
        tick().await;
        Ok(n.len() as u64 + fresh())
    }

    #[memoize]
    async fn make(n: u8) -> u64 {
        tick().await;
        u64::from(n) + fresh()
    }
}

/// Pending once.
async fn tick() {
    let mut polled = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[test]
fn the_attribute_works_outside_of_async_trait() {
    block_on(async {
        let first = Outside.load("a").await;
        assert_eq!(Outside.load("a").await, first);
        assert_ne!(Outside.load("b").await, first);
        assert_eq!(cache_get!(Outside.load("a")).await, first.ok());
        assert_eq!(Outside::make(1).await, Outside::make(1).await);
    });
}

#[test]
fn the_attribute_works_inside_of_async_trait() {
    block_on(async {
        let first = Inside.load("a").await;
        assert_eq!(Inside.load("a").await, first);
        assert_ne!(Inside.load("b").await, first);
        assert_eq!(cache_delete!(Inside::load(_, "a")).await.ok(), Some(true));
        assert_ne!(Inside.load("a").await, first);
        assert_eq!(Inside::make(1).await, Inside::make(1).await);
    });
}

#[test]
fn calls_through_objects_can_be_skipped() {
    block_on(async {
        let loaders: [Box<dyn Loader>; 2] = [Box::new(Outside), Box::new(Inside)];
        for loader in loaders {
            let first = loader.load("object").await;
            assert_ne!(skip_cache!(loader.load("object")).await, first);
            assert_eq!(loader.load("object").await, first);
        }
    });
}

trait Native {
    async fn load(&self, n: u8) -> u64;
    fn later(&self, n: u8) -> impl Future<Output = u64> + Send;
}

struct Plain;

#[memoize]
impl Native for Plain {
    #[memoize]
    async fn load(&self, n: u8) -> u64 {
        tick().await;
        u64::from(n) + fresh()
    }

    #[memoize]
    fn later(&self, n: u8) -> impl Future<Output = u64> + Send {
        async move {
            tick().await;
            u64::from(n) + fresh()
        }
    }
}

#[test]
fn async_functions_of_traits_are_cached() {
    block_on(async {
        assert_eq!(Plain.load(1).await, Plain.load(1).await);
        assert_eq!(Plain.later(1).await, Plain.later(1).await);
        assert_eq!(cache_get!(Plain.load(1)).await, Some(Plain.load(1).await));
    });
}
