//! Rows 33, 40: tiers from stores that are open, several objects over one store, tiers added at run time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use memo::{
    Cache, Tier,
    backend::{Backend, Memory},
    clock::TestClock,
};
use memo_tests::{until, within_20_s};

type Numbers = Cache<u32, u32>;

#[test]
fn several_objects_share_one_open_store() {
    let store = Arc::new(Memory::new());
    let build = |name: &str| Numbers::builder(name).tier(Tier::of(store.clone())).build().expect("nothing is wrong");
    let (one, same, other) = (build("one"), build("one"), build("other"));
    one.set(1, 10).expect("set");
    other.set(1, 20).expect("set");
    assert_eq!(same.get(&1).expect("reads"), Some(10), "one name is one cache");
    assert_eq!(one.clear().expect("clears"), 1);
    assert_eq!((same.get(&1).expect("reads"), other.get(&1).expect("reads")), (None, Some(20)));
    assert_eq!((&*one.stats().backend, store.count(b"other|").expect("counts")), ("memory", 1));
    let names = other.view::<u32, String>("names").codec("raw").build().expect("a view of the same store");
    names.set(7, "ada".to_owned()).expect("set");
    assert_eq!(store.count(b"other:names|").expect("counts"), 1);
}

#[test]
fn each_tier_has_its_own_codec_and_time_to_live() {
    let clock = TestClock::install();
    let (near, far) = (Arc::new(Memory::new()), Arc::new(Memory::new()));
    let builder = Cache::<u32, String>::builder("terms").codec("postcard");
    let builder = builder.tier(Tier::of(near.clone()).ttl(10).codec("raw")).tier(Tier::of(far.clone()));
    let cache = builder.build().expect("nothing is wrong");
    cache.set(1, "ada".to_owned()).expect("set");
    assert_eq!(cache.stats().codec.as_deref(), Some("postcard"));
    clock.advance(Duration::from_secs(10));
    assert_eq!(cache.purge_expired().expect("purges"), 1);
    assert_eq!((near.count(b"").expect("counts"), far.count(b"").expect("counts")), (0, 1));
    assert_eq!(cache.get(&1).expect("reads").as_deref(), Some("ada"));
    assert_eq!(near.count(b"").expect("counts"), 1, "it has a copy again, for 10 s");
    let wrong = Cache::<u32, String>::builder("wrong").tier(Tier::of(far).codec("no-such-codec")).build();
    assert!(wrong.expect_err("nobody knows it").is_config());
}

#[test]
fn a_tier_is_added_while_the_cache_is_used() {
    within_20_s(|| {
        let cache: Numbers =
            Cache::builder("grows").backends(["memory", "memory://grows-near"]).build().expect("builds");
        let far = Arc::new(Memory::new());
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for thread in 0..2_u32 {
                let (cache, is_over) = (&cache, &is_over);
                scope.spawn(move || {
                    for n in 0.. {
                        cache.set(thread, n).expect("set");
                        assert_eq!(cache.get(&thread).expect("reads"), Some(n));
                        if is_over.load(Ordering::SeqCst) {
                            break;
                        }
                    }
                });
            }
            cache.add_tier(Tier::of(far.clone())).expect("it is open");
            cache.add_tier("memory://grows-farthest?codec=json").expect("opens");
            let farthest = memo::backend("memory://grows-farthest").expect("is open");
            // Each thread has to come by once more after each of the tiers was added.
            for store in [far.clone() as Arc<dyn Backend>, farthest] {
                until(|| store.count(b"grows|").expect("counts") == 2);
            }
            is_over.store(true, Ordering::SeqCst);
        });
        let stats = cache.stats();
        assert_eq!((&*stats.backend, stats.codec.as_deref()), ("memory+memory+memory+memory", Some("json")));
        let farthest = memo::backend("memory://grows-farthest").expect("is open");
        assert_eq!(farthest.count(b"grows|").expect("counts"), 2);
        assert!(cache.delete(&0).expect("reachable"));
        assert_eq!((far.count(b"").expect("counts"), farthest.count(b"").expect("counts")), (1, 1));
        // What only the added tier has is found there, and carried up.
        memo::backend("memory://grows-near").expect("is open").remove_prefix(b"grows|").expect("removes");
        let same: Numbers =
            Cache::builder("grows").backends(["memory", "memory://grows-near"]).build().expect("builds");
        assert!(same.get(&1).expect("reads").is_some(), "an object of the same name and stores has the tier, too");
    });
}

#[test]
fn a_tier_that_can_not_be_added_changes_nothing() {
    let cache: Numbers = Cache::open("unchanged", "memory://unchanged").expect("builds");
    assert!(cache.add_tier("nobodys://x").expect_err("an unknown scheme").is_config());
    assert!(cache.add_tier("memory://x?codec=none").expect_err("an unknown codec").is_config());
    assert!(cache.add_tier("memory://x?key_style=hashed").expect_err("other keys").is_config());
    assert!(cache.add_tier("memory").expect_err("only the first can be").to_string().contains("first tier"));
    cache.set(1, 1).expect("set");
    assert_eq!((&*cache.stats().backend, cache.get(&1).expect("reads")), ("memory", Some(1)));
    let in_memory: Numbers = Cache::builder("in-memory").build().expect("builds");
    assert!(in_memory.add_tier("memory://x").expect_err("its entries need no bytes").is_unsupported());
}

#[tokio::test]
async fn a_tier_is_added_in_a_task() {
    let cache: Numbers = Cache::open("grows-in-a-task", "memory://task-near").expect("builds");
    let cache = memo::aio::Cache::from(cache);
    cache.add_tier("memory://task-far").await.expect("opens");
    cache.set(1, 1).await.expect("set");
    let far = memo::backend("memory://task-far").expect("is open");
    assert_eq!(far.count(b"").expect("counts"), 1);
    cache.flush().await.expect("flushes");
}

#[test]
fn what_a_tier_says_of_itself_holds_no_password() {
    let tier = Tier::from("redis://user:secret@host");
    assert_eq!(format!("{tier:?}"), r#"Tier("redis")"#);
}
