//! Rows 51, 57, 58: PostgreSQL as a store of bytes.
#![cfg(unix)]

use std::sync::Arc;

use memo::backend::{AsyncBackend, Postgres, Url, conformance};
use memo_tests::servers::postgres::Server;

fn store(url: &str) -> Postgres {
    Postgres::open(&Url::parse(url).expect(url)).expect(url)
}

#[test]
fn it_keeps_the_promises_of_stores() {
    let Some(server) = Server::shared() else { return };
    let store = Arc::new(store(&server.url("?table=promises&timeout=20s")));
    conformance::check(&*store);
    conformance::check_async(store as Arc<dyn AsyncBackend>);
}
