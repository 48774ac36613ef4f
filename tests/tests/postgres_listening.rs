//! Rows 40, 55: PostgreSQL tells of what others change, and memory in front of it hears that.

use memo::{Cache, SetOptions};
use memo_tests::{
    listening::{changes_are_heard, listen, next},
    servers::postgres::Server,
    soon,
};

#[test]
fn what_others_change_is_heard() {
    let Some(server) = Server::shared() else { return };
    changes_are_heard(&server.url("?timeout=20s"), &server.url("?timeout=30s"));
}

#[test]
fn a_server_that_is_started_anew_is_heard_again() {
    let Some(mut server) = Server::start() else { return };
    let store = memo::backend(&server.url("")).expect("opens");
    let (_listening, heard) = listen(&*store);
    assert_eq!(next(&heard), "ready");
    server.crash();
    assert_eq!(next(&heard), "lost");
    server.start_again();
    assert_eq!(next(&heard), "ready");
}

#[test]
fn memory_in_front_forgets_what_others_change() {
    let Some(server) = Server::shared() else { return };
    let cache: Cache<u32, u64> =
        Cache::builder("near").tier("memory").tier(server.url("?table=near")).build().expect("builds");
    let other = memo::backend(&server.url("?table=near&timeout=30s")).expect("opens");
    let hits = || cache.stats().tiers[0].hits;
    let removals: [&dyn Fn() -> u64; 3] = [
        &|| other.remove_prefix(b"near||1|").expect("removed"),
        &|| other.remove_tagged(b"", &["some"]).expect("removed"),
        &|| other.remove_prefix(b"near|").expect("removed"),
    ];
    for remove in removals {
        cache.set_with(1, 10, SetOptions::new().tags(["some"])).expect("stored");
        soon("it comes into memory", || {
            let before = hits();
            cache.get(&1).expect("read") == Some(10) && hits() > before
        });
        assert_eq!(remove(), 1);
        soon("it is gone", || cache.get(&1).expect("read").is_none());
    }
}
