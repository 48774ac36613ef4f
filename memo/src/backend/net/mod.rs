//! What the stores on servers share: where a server is and how long it is waited for, connections for threads and for tasks, and
//! what becomes of failures.

mod breaker;
mod links;
mod range;
mod remote;
pub(super) mod runtime;
mod server;

pub(super) use crate::flight::timer::within;
pub(super) use breaker::Breaker;
pub(super) use links::{Connect, Link, Links};
pub(super) use range::{address_end, behind};
pub(super) use remote::{Page, Remote, only, scan, two_faces, update};
pub(super) use server::{Host, Server};

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use crate::error::Error;

/// A text that no other store has, here or on another machine.
pub(super) fn unique() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// What a server, or the way to it, made of a request.
pub(super) struct Failure {
    pub(super) error: Error,
    /// Has the connection to be given up? Then nobody knows whether the server did what it was asked.
    pub(super) is_lost: bool,
}

impl Failure {
    /// The connection is of no use any more, or never came about.
    pub(super) fn lost(error: Error) -> Self {
        Self { error, is_lost: true }
    }

    /// The server answered, and refused.
    pub(super) fn refused(error: Error) -> Self {
        Self { error, is_lost: false }
    }
}
