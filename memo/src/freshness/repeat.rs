//! Arguments of a call that is made once more without its caller: owned copies, lent to it again.

use std::{
    borrow::{Borrow, ToOwned},
    marker::PhantomData,
};

use crate::key::probe::Probe;

/// What a reference led to, owned.
pub struct Lent<O, A: ?Sized> {
    owned: O,
    _lends: PhantomData<fn(&A)>,
}

impl<O: Borrow<A>, A: ?Sized> Lent<O, A> {
    /// What the call is given.
    pub fn lend(&mut self) -> &A {
        self.owned.borrow()
    }

    /// Could it be owned?
    #[expect(clippy::unused_self, reason = "its type is known by the value alone")]
    pub fn is_lifted(&self) -> bool {
        true
    }
}

/// A value, copied.
pub struct Lifted<A>(Option<A>);

impl<A> Lifted<A> {
    /// What the call is given.
    ///
    /// # Panics
    /// The second time: a call takes it.
    pub fn lend(&mut self) -> A {
        self.0.take().expect("a call is made once")
    }

    /// Could it be owned?
    pub fn is_lifted(&self) -> bool {
        self.0.is_some()
    }
}

/// Stands for what can't be owned by another thread.
pub struct NotLifted;

impl NotLifted {
    /// Has the type of what a call would be given.
    ///
    /// # Panics
    /// Always: nobody who asked comes here.
    #[expect(clippy::unused_self, reason = "its type is known by the value alone")]
    pub fn lend<A>(&mut self) -> A {
        unreachable!("it was not lifted")
    }

    /// Could it be owned?
    #[expect(clippy::unused_self, reason = "its type is known by the value alone")]
    pub fn is_lifted(&self) -> bool {
        false
    }
}

/// First: what can be owned. By autoref, as in `key::probe`.
pub trait LiftReference<A: ?Sized + ToOwned> {
    /// Owns what the argument leads to.
    fn lift(&self, argument: &A) -> Lent<A::Owned, A>;
}

impl<A: ?Sized + ToOwned<Owned: Send>> LiftReference<A> for &Probe<&A> {
    fn lift(&self, argument: &A) -> Lent<A::Owned, A> {
        Lent { owned: argument.to_owned(), _lends: PhantomData }
    }
}

/// First: what can be copied.
pub trait LiftValue<A> {
    /// Copies the argument.
    fn lift(&self, argument: &A) -> Lifted<A>;
}

impl<A: Clone + Send> LiftValue<A> for &Probe<A> {
    fn lift(&self, argument: &A) -> Lifted<A> {
        Lifted(Some(argument.clone()))
    }
}

/// Else.
pub trait LiftNothing {
    /// Owns nothing.
    fn lift<A: ?Sized>(&self, _: &A) -> NotLifted {
        NotLifted
    }
}

impl<A: ?Sized> LiftNothing for Probe<A> {}
