//! What the stores on servers share: where a server is and how long it is waited for, connections for threads and for tasks, and
//! what becomes of failures.

mod breaker;
#[cfg(feature = "net")]
mod links;
#[cfg(any(feature = "redis", feature = "memcached"))]
mod pool;
#[cfg(feature = "net")]
mod remote;
#[cfg(feature = "net")]
pub(super) mod runtime;
mod server;

#[cfg(feature = "net")]
pub(super) use crate::flight::timer::within;
pub(super) use breaker::Breaker;
#[cfg(feature = "net")]
pub(super) use links::Link;
#[cfg(feature = "net")]
pub(super) use links::{Connect, Links};
#[cfg(any(feature = "redis", feature = "memcached"))]
pub(super) use pool::{Place, Pool};
#[cfg(feature = "net")]
pub(super) use remote::{EVERYTHING, Page, Remote, only, scan, two_faces, update};
pub(super) use server::{Host, Server};

use crate::error::Error;

/// A text that no other store has, here or on another machine.
#[cfg(feature = "net")]
pub(super) fn unique() -> String {
    format!("{:032x}", crate::owner_only::unique())
}

/// What a server, or the way to it, made of a request.
pub(super) struct Failure {
    pub(super) error: Error,
    /// Has the connection to be given up? Then nobody knows whether the server did what it was asked.
    pub(super) is_lost: bool,
    /// Was the server asked at all? Else this says nothing about it.
    pub(super) was_asked: bool,
}

impl Failure {
    /// The connection is of no use any more, or never came about.
    pub(super) fn lost(error: Error) -> Self {
        Self { error, is_lost: true, was_asked: true }
    }

    /// The server answered, and refused.
    #[cfg(any(feature = "redis", feature = "postgres", test))]
    pub(super) fn refused(error: Error) -> Self {
        Self { error, is_lost: false, was_asked: true }
    }

    /// There was no connection to ask it by: all were in use.
    #[cfg(any(feature = "redis", feature = "memcached"))]
    pub(super) fn busy(error: Error) -> Self {
        Self { error, is_lost: false, was_asked: false }
    }
}
