//! Rows 48, 49, 57, 58: Redis as a store of bytes, however it is reached.

use std::sync::Arc;

use memo::{
    Cache,
    backend::{Backend, Item, Redis, Url, conformance},
};
use memo_tests::servers::redis::{Cluster, Server};

fn store(url: &str) -> Arc<dyn Backend> {
    memo::backend(url).expect(url)
}

fn keeps_the_promises(url: &str) {
    let store = Arc::new(Redis::open(&Url::parse(url).expect(url)).expect(url));
    conformance::check(&*store);
    conformance::check_async(store);
}

#[test]
fn it_keeps_the_promises_of_stores() {
    let Some(server) = Server::start() else { return };
    keeps_the_promises(&server.url(""));
    let mut left = server.tell("KEYS *").texts();
    left.sort_unstable();
    assert_eq!(left, ["memo:c", "memo:m"], "but for what was removed of late, nothing is left");
}

#[test]
fn through_a_socket() {
    let Some(server) = Server::start() else { return };
    let url = format!("redis+unix://{}?db=3", server.socket().display());
    keeps_the_promises(&url);
    store(&url).set(b"f|a|b|c", Item::new(b"x")).expect("stored");
    assert_eq!(server.ask(&[b"EXISTS", b"memo:e:f|a|b|c"]).number(), 0, "another database");
    assert!(server.tell("INFO keyspace").texts().concat().contains("db3:"));
}

#[test]
fn through_tls() {
    let Some((_server, port, certificate)) = Server::with_tls() else { return };
    let ca = certificate.display();
    keeps_the_promises(&format!("rediss://localhost:{port}?ca={ca}"));
    let untrusted = store(&format!("rediss://localhost:{port}")).get(b"a").expect_err("nobody vouches for it");
    assert!(untrusted.to_string().contains("ertificate"), "{untrusted}");
}

#[test]
fn in_a_cluster() {
    let Some(cluster) = Cluster::start() else { return };
    keeps_the_promises(&cluster.url(""));
    let store = store(&cluster.url("?prefix=app"));
    let keys: Vec<String> = (0..300).map(|number| format!("f|i|{number}|v")).collect();
    let items: Vec<_> = keys.iter().map(|key| (key.as_bytes(), Item::new(key.as_bytes()).tags(&["all"]))).collect();
    store.set_many(&items).expect("stored");
    for master in cluster.masters() {
        assert!(master.tell("DBSIZE").number() > 30, "the entries are spread over all servers");
    }
    let found = store.get_many(&keys.iter().map(String::as_bytes).collect::<Vec<_>>()).expect("read");
    assert!(found.iter().zip(&keys).all(|(found, key)| found.as_deref() == Some(key.as_bytes())));
    assert_eq!(store.count(b"f|").expect("counted"), 300);
    assert_eq!(store.remove_prefix(b"f|i|7|").expect("removed"), 1, "all versions of one entry");
    assert_eq!(store.remove_tagged(b"f|", &["all"]).expect("removed"), 299);
}

#[test]
fn a_password_and_a_database() {
    let Some(server) = Server::with(&["requirepass s3cret"]) else { return };
    let url = format!("redis://:s3cret@127.0.0.1:{}/2", server.port());
    let cache: Cache<u32, String> = Cache::open("names", url.as_str()).expect("opens");
    cache.set(1, "one".to_owned()).expect("stored");
    assert_eq!(cache.get(&1).expect("read").as_deref(), Some("one"));
}

#[test]
fn a_batch_is_one_question() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url(""));
    let keys: Vec<String> = (0..100).map(|number| format!("f|i|{number}|v")).collect();
    let keys: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
    store.get_many(&keys).expect("read");
    server.tell("CONFIG RESETSTAT");
    store.get_many(&keys).expect("read");
    let stats = server.tell("INFO commandstats").texts().concat();
    assert!(stats.contains("cmdstat_mget:calls=1,") && !stats.contains("cmdstat_get:"), "{stats}");
}

#[test]
fn a_client_that_is_open_is_a_store_for_keys_of_ones_own() {
    let Some(server) = Server::start() else { return };
    let store = store(&server.url("?prefix=own"));
    store.set(b"any key", Item::new(b"x")).expect("stored");
    assert_eq!(server.ask(&[b"GET", b"own:e:any key"]).texts(), ["x"]);
}

#[test]
fn a_client_of_ones_own() {
    let Some(server) = Server::start() else { return };
    let client = redis::Client::open(server.url("/4")).expect("a client");
    let store = Redis::with_client(client, "prefix=mine").expect("right settings");
    conformance::check(&store);
    Backend::set(&store, b"f|i|a|v", Item::new(b"x")).expect("stored");
    let mut connection = store.client().get_connection().expect("connected");
    let exists: bool = redis::cmd("EXISTS").arg("mine:e:f|i|a|v").query(&mut connection).expect("asked");
    assert!(exists, "the client behind it is the one that was given");
    let error = Redis::with_client(store.client().clone(), "timeout=soon").expect_err("no duration");
    assert!(error.is_config(), "{error}");
}

/// Connections do not end with the runtime that needed them first, nor need one at all.
#[test]
fn whatever_runs_the_task() {
    let Some(server) = Server::start() else { return };
    let cache: memo::aio::Cache<u8, u8> = Cache::open("any", server.url("").as_str()).expect("opens").into();
    let round = async |value: u8| {
        cache.set(1, value).await.expect("stored");
        assert_eq!(cache.get(&1).await.expect("read"), Some(value));
    };
    let single = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    single().block_on(round(1));
    single().block_on(round(2));
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("tokio").block_on(round(3));
    let bare = tokio::runtime::Builder::new_current_thread().build().expect("tokio");
    bare.block_on(round(4));
    smol::block_on(round(5));
    futures::executor::block_on(round(6));
    let threads: Cache<u8, u8> = cache.clone().into();
    let inside = single();
    // A thread that waits in the middle of a runtime of its own.
    inside.block_on(async { assert_eq!(threads.get(&1).expect("read"), Some(6)) });
}
