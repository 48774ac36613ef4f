//! Rows 40, 55: a store in Redis tells of what others change in it.

use memo_tests::{
    listening::{changes_are_heard, listen, next},
    servers::{
        proxy::{Proxy, Weather},
        redis::{Cluster, Server},
    },
};

#[test]
fn what_others_change_is_heard() {
    let Some(server) = Server::start() else { return };
    changes_are_heard(&server.url("?timeout=2s"), &server.url("?timeout=3s"));
}

#[test]
fn what_others_change_in_a_cluster_is_heard() {
    let Some(cluster) = Cluster::start() else { return };
    changes_are_heard(&cluster.url("?timeout=2s"), &cluster.url("?timeout=3s"));
}

#[test]
fn a_connection_that_is_lost_is_told_of() {
    let Some(server) = Server::start() else { return };
    let proxy = Proxy::before(server.port());
    let here = memo::backend(&format!("redis://127.0.0.1:{}?connect_timeout=300ms", proxy.port())).expect("opens");
    let there = memo::backend(&server.url("")).expect("opens");
    let (listening, heard) = listen(&*here);
    for weather in [Weather::Cut, Weather::HalfClosed, Weather::Silent] {
        assert_eq!(next(&heard), "ready");
        proxy.set(weather);
        // What is published comes through no more, nor does an answer to a ping.
        there.remove_prefix(b"f|").expect("removed");
        assert_eq!(next(&heard), "lost", "{weather:?}");
        proxy.set(Weather::Fair);
    }
    assert_eq!(next(&heard), "ready");
    drop(listening);
    memo_tests::within_20_s(move || memo_tests::until(|| proxy.open() == 0));
}
