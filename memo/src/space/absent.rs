//! Stands in for `space` where no byte stores are built in: there is no function with stores, so nothing here is ever called.

use std::{any::Any, sync::Arc};

use crate::{call::site::Outside, error::Error, stats::counters::Counters};

macro_rules! never {
    ($($type:ident)*) => {$(
        #[derive(Clone)]
        pub(crate) enum $type {}
    )*};
}
never!(EntryKey Loaded Offer Turn);

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Face {
    Thread,
    Task,
}

pub(crate) struct About {
    pub(crate) expires: Option<u64>,
    pub(crate) cost: u64,
    pub(crate) tags: Vec<String>,
    pub(crate) yields: bool,
}
