//! One memoized call: the site it comes from, what it does, and what acts on it from outside.
#![expect(missing_docs, reason = "generated code uses it, people do not")]

pub(crate) mod address;
pub(crate) mod answer;
pub(crate) mod begin;
pub(crate) mod begun;
pub(crate) mod each;
pub(crate) mod entry;
pub(crate) mod explanation;
pub(crate) mod extras;
pub(crate) mod function;
pub(crate) mod functions;
pub(crate) mod guest;
pub(crate) mod home;
pub(crate) mod instance;
pub(crate) mod invalidation;
pub(crate) mod kind;
#[cfg_attr(not(feature = "stores"), path = "later/absent.rs")]
pub(crate) mod later;
mod local;
mod names;
pub(crate) mod owners;
pub(crate) mod pending;
pub(crate) mod place;
pub(crate) mod placed;
pub(crate) mod registry;
pub(crate) mod run;
pub(crate) mod share;
pub(crate) mod site;
pub(crate) mod start;
#[cfg(feature = "stores")]
pub(crate) mod stored;
pub(crate) mod switch;
pub(crate) mod terms;
mod typed;
pub(crate) mod waits;
