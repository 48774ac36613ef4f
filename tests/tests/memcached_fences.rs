//! Row 18; promise 3, across processes: what another process invalidates while a body runs is not stored by this one.

use memo_tests::servers::memcached::Server;

#[expect(dead_code, reason = "memcached can't count, by which copies are found")]
mod fences;

#[test]
fn what_others_invalidate_meanwhile_is_not_stored() {
    let Some(server) = Server::start() else { return };
    fences::invalidated_meanwhile_is_not_stored(&server.url(""), &server.url("?trip_after=7"));
}
