//! Rows 40, 55: a store in Redis tells of what others change in it.

use std::sync::{Arc, mpsc};

use memo::backend::{Backend, Heard, Item, Listening};
use memo_tests::servers::{
    proxy::{Proxy, Weather},
    redis::{Cluster, Server},
};

/// Listens, and gives what is heard as text.
fn listen(store: &dyn Backend) -> (Listening, mpsc::Receiver<String>) {
    let (say, heard) = mpsc::channel();
    let ear = move |news: Heard<'_>| {
        let text = match news {
            Heard::Ready => "ready".to_owned(),
            Heard::Lost => "lost".to_owned(),
            Heard::Changed(key) => format!("changed {}", String::from_utf8_lossy(key)),
            Heard::Tagged(prefix, tag) => format!("tagged {} {tag}", String::from_utf8_lossy(prefix)),
        };
        say.send(text).ok();
    };
    (store.listen(Arc::new(ear)).expect("it can tell"), heard)
}

fn next(heard: &mpsc::Receiver<String>) -> String {
    heard.recv_timeout(std::time::Duration::from_secs(20)).expect("something is heard")
}

fn changes_are_heard(here: &str, there: &str) {
    let (here, there) = (memo::backend(here).expect("opens"), memo::backend(there).expect("opens"));
    let (_listening, heard) = listen(&*here);
    assert_eq!(next(&heard), "ready");
    let moment = there.moment(b"f|i|a|v").expect("asked");
    there.set(b"f|i|a|v", Item::new(b"computed").tags(&["a:b"]).since(moment)).expect("stored");
    here.set(b"f|i|a|v", Item::new(b"by itself")).expect("stored");
    there.set(b"f|i|a|v", Item::new(b"new").tags(&["a:b"])).expect("stored");
    assert_eq!(next(&heard), "changed f|i|a|v", "what is computed, and what one does oneself, is no news");
    there.remove(b"f|i|a|v").expect("removed");
    assert_eq!(next(&heard), "changed f|i|a|v");
    there.remove_prefix(b"f|i|a|").expect("removed");
    assert_eq!(next(&heard), "changed f|i|a|");
    there.remove_tagged(b"f|i|a|", &["a:b", "c"]).expect("removed");
    assert_eq!(next(&heard), "tagged f|i|a| a:b");
}

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
