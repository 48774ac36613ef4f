//! Single-flight: N concurrent misses of a key run the body once. The protocol is described in ARCHITECTURE.md.

pub(crate) mod chain;
pub(crate) mod slot;
pub(crate) mod table;
pub(crate) mod timer;
pub(crate) mod wait;
