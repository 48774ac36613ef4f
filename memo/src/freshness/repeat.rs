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
    pub fn lend(&mut self) -> &A {
        self.owned.borrow()
    }

    pub fn is_lifted(&self) -> bool {
        true
    }
}

/// A value, copied.
pub struct Lifted<A>(Option<A>);

impl<A> Lifted<A> {
    /// # Panics
    /// The second time: a call takes it.
    pub fn lend(&mut self) -> A {
        self.0.take().expect("a call is made once")
    }

    pub fn is_lifted(&self) -> bool {
        self.0.is_some()
    }
}

/// Stands for what can't be owned by another thread.
pub struct NotLifted;

impl NotLifted {
    /// # Panics
    /// Always: nobody who asked comes here.
    pub fn lend<A>(&mut self) -> A {
        unreachable!("it was not lifted")
    }

    pub fn is_lifted(&self) -> bool {
        false
    }
}

/// First: what can be owned. By autoref, as in `key::probe`.
pub trait LiftReference<A: ?Sized + ToOwned> {
    fn lift(&self, argument: &A) -> Lent<A::Owned, A>;
}

impl<A: ?Sized + ToOwned<Owned: Send>> LiftReference<A> for &Probe<&A> {
    fn lift(&self, argument: &A) -> Lent<A::Owned, A> {
        Lent { owned: argument.to_owned(), _lends: PhantomData }
    }
}

pub trait LiftValue<A> {
    fn lift(&self, argument: &A) -> Lifted<A>;
}

impl<A: Clone + Send> LiftValue<A> for &Probe<A> {
    fn lift(&self, argument: &A) -> Lifted<A> {
        Lifted(Some(argument.clone()))
    }
}

/// Else.
pub trait LiftNothing {
    fn lift<A: ?Sized>(&self, _: &A) -> NotLifted {
        NotLifted
    }
}

impl<A: ?Sized> LiftNothing for Probe<A> {}
