//! The elements of the argument: those that the body is to see, and what it is given again with them.

use std::borrow::Cow;

/// Some of the elements, in their order.
pub fn chosen<'e, E: Clone>(elements: &'e [E], numbers: &[usize]) -> Cow<'e, [E]> {
    if numbers.len() == elements.len() {
        return Cow::Borrowed(elements);
    }
    numbers.iter().map(|&number| elements[number].clone()).collect()
}

/// What a map knows an element by: itself.
pub fn itself<E>(element: &E) -> &E {
    element
}

/// What a map knows an element by that is a reference: what it points at.
pub fn behind<'e, T: ?Sized>(element: &'e &T) -> &'e T {
    element
}

/// What the body takes by value, each time that it is run.
#[diagnostic::on_unimplemented(
    message = "`each` may run the body of one call several times, but `{Self}` is not `Clone`",
    label = "every run takes a value of its own",
    note = "take the parameter by reference, or derive `Clone` for it"
)]
pub trait Repeated {
    #[must_use]
    fn repeated(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Repeated for T {
    fn repeated(&self) -> Self {
        self.clone()
    }
}

/// An argument for one more run of the body.
pub fn repeated<T: Repeated>(argument: &T) -> T {
    argument.repeated()
}
