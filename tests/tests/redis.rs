//! Rows 48, 57, 58: Redis as a store of bytes.

use std::sync::Arc;

use memo::backend::{AsyncBackend, Redis, Url, conformance};
use memo_tests::servers::redis::Server;

fn store(url: &str) -> Redis {
    Redis::open(&Url::parse(url).expect(url)).expect(url)
}

#[test]
fn it_keeps_the_promises_of_stores() {
    let Some(server) = Server::start() else { return };
    let store = Arc::new(store(&server.url("")));
    conformance::check(&*store);
    conformance::check_async(store as Arc<dyn AsyncBackend>);
}
