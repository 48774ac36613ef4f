//! Row 18; promise 3, across processes: what another process invalidates while a body runs is not stored by this one.

use memo::backend::{Backend, Item};
use memo_tests::servers::redis::Server;

mod fences;

#[test]
fn what_others_invalidate_meanwhile_is_not_stored() {
    let Some(server) = Server::start() else { return };
    fences::invalidated_meanwhile_is_not_stored(&server.url(""), &server.url("?trip_after=7"));
}

#[test]
fn what_others_remove_meanwhile_is_not_copied() {
    let Some(server) = Server::start() else { return };
    fences::copies_of_what_was_removed_are_not_made(&server.url(""), &server.url("?trip_after=7"));
}

const KEY: &[u8] = b"f|i|a|v";

fn is_stored(store: &dyn Backend, since: u64) -> bool {
    store.set(KEY, Item::new(b"x").since(since)).expect("stored, or kept out");
    let found = store.get(KEY).expect("read").is_some();
    store.remove(KEY).expect("removed");
    found
}

/// With its data, a server loses what was removed: nobody knows any more whether what was begun before may be stored.
#[test]
fn what_was_begun_before_everything_was_lost_is_not_stored() {
    let Some(mut server) = Server::start() else { return };
    let store = memo::backend(&server.url("?trip_after=0")).expect("opens");
    let now = || store.moment(KEY).expect("asked").expect("it keeps account");
    let losses: [fn(&mut Server); 2] = [
        |server| drop(server.tell("FLUSHALL")),
        |server| {
            server.kill();
            server.start_again();
        },
    ];
    for lose in losses {
        let before = now();
        assert!(is_stored(&*store, before));
        let before = now();
        store.remove(KEY).expect("removed");
        lose(&mut server);
        store.get(KEY).expect("it is there");
        assert!(!is_stored(&*store, before), "the removal was lost");
        assert!(is_stored(&*store, now()), "what is begun now is stored");
        assert!(!is_stored(&*store, before), "it still is");
    }
    assert!(!is_stored(&*store, 0), "nobody knows when that was");
}
