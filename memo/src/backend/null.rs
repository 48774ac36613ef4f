//! `null://`: stores nothing.

use super::{Backend, Capabilities, Item, Visit};
use crate::error::Error;

/// A store that keeps nothing: every read finds nothing, every write succeeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Null;

impl Backend for Null {
    fn name(&self) -> &'static str {
        "null"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            atomic_batch: true,
            atomic_update: true,
            count: true,
            enumerate: true,
            tags: true,
            fences: false,
            notify: false,
            ..Capabilities::default()
        }
    }

    fn blocks(&self) -> bool {
        false
    }

    fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    fn set(&self, _: &[u8], _: Item<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn remove(&self, _: &[u8]) -> Result<bool, Error> {
        Ok(false)
    }

    fn remove_prefix(&self, _: &[u8]) -> Result<u64, Error> {
        Ok(0)
    }

    fn remove_tagged(&self, _: &[u8], _: &[&str]) -> Result<u64, Error> {
        Ok(0)
    }

    fn scan(&self, _: &[u8], _: Visit<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn count(&self, _: &[u8]) -> Result<u64, Error> {
        Ok(0)
    }
}
