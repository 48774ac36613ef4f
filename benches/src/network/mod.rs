//! Functions whose entries live in Redis, beside the client used by hand.

mod annotated;
mod by_hand;
mod server;
mod told;

use std::sync::LazyLock;

use tokio::runtime::Runtime;

pub use self::{server::Server, told::seen_after};
use crate::contenders::{Column, Contender};

/// How many keys are read, and how many of them at once.
const KEYS: u64 = 1_000;
const MANY: u64 = 100;

/// One request after the other by a thread; or by several tasks, each of which waits for its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    Thread,
    Tasks(u64),
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A call that finds its value.
    Hit,
    /// A hundred keys are read together, all of which are there.
    GetMany,
    /// A value is stored under a new key.
    Set,
}

/// Whose runtime the tasks are on.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("threads can be started"));

/// A contender; the server has to run.
pub fn contender(column: Column, callers: Callers, action: Action) -> Option<Contender> {
    match column {
        Column::Memo => annotated::contender(callers, action),
        Column::ByHand => by_hand::contender(callers, action),
        _ => None,
    }
}

/// So many groups of ten entries that have a tag in common are cleared.
pub const GROUPS: u64 = 100;

/// Removes such a group, by its number, from so many entries that all have a tag.
pub fn tagged(column: Column, among: u64) -> Option<Box<dyn Fn(u64)>> {
    match column {
        Column::Memo => Some(Box::new(annotated::tagged(among))),
        Column::ByHand => Some(Box::new(by_hand::tagged(among))),
        _ => None,
    }
}
