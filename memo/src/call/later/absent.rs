//! Stands in for `later` where no byte stores are built in: nothing is left to do once a body is done.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    marker::PhantomData,
};

use super::{extras::Extras, home::Home, kind::Kind, run::Run, share::HomeOf};
use crate::space::Face;

/// What a finished run has left to do.
pub enum Kept<H: HomeOf<Kd>, Kd: Kind> {
    /// Nothing: this is the result.
    Now(Kd::Ret),
    Later(Later<H>),
}

/// There is none.
pub struct Later<H: Home> {
    never: Infallible,
    _home: PhantomData<H>,
}

impl<H: HomeOf<Kd>, K: 'static, Kd: Kind> Run<H, K, Kd> {
    /// Stores what the body returned, on these terms, and gives it back.
    pub fn keep(&mut self, result: Kd::Ret, extras: Extras<'_, K, Kd::Val>) -> Kept<H, Kd> {
        Kept::Now(self.finish_with(result, extras))
    }
}

impl<H: HomeOf<Kd>, Kd: Kind> Kept<H, Kd> {
    pub(crate) fn in_task(self) -> Ready<Kd::Ret> {
        ready(self.on_thread())
    }

    pub fn on_thread(self) -> Kd::Ret {
        match self {
            Self::Now(result) => result,
            Self::Later(later) => match later.never {},
        }
    }
}

/// The values of several runs on their way into stores: there are none.
pub struct Laters<H: HomeOf<Kd>, Kd: Kind>(PhantomData<(H, Kd)>);

impl<H: HomeOf<Kd>, Kd: Kind> Laters<H, Kd> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the real one keeps some")]
    pub(super) fn add(&mut self, _: usize, kept: Kept<H, Kd>) -> Option<Kd::Ret> {
        Some(kept.on_thread())
    }

    #[expect(clippy::unused_self, reason = "the real one stores them")]
    pub(super) fn settle(self, _: Face) -> Ready<std::iter::Empty<(usize, Kd::Val)>> {
        ready(std::iter::empty())
    }
}

impl<H: Home> Later<H> {
    pub fn stored<R>(self) -> Ready<R> {
        match self.never {}
    }
}
