//! What the address macros and the functions agree on: the names of the hidden siblings, and how arguments are passed.
//!
//! A name that is missing is the compiler's message, so the names say what is missing.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt as _;

/// The associated function of a handle.
pub(crate) const HANDLE: &str = "__memoize_option_handle";

/// What a path reaches: `f(x)`, `Type::f(x)`.
pub(crate) fn by_path(name: &Ident, span: Span) -> Ident {
    Ident::new(&format!("__memoize_attribute_of_{}", name.unraw()), span)
}

/// What a method call reaches: `x.f(y)`.
pub(crate) fn by_dot(name: &Ident, span: Span) -> Ident {
    Ident::new(&format!("__memoize_attribute_on_method_{}", name.unraw()), span)
}

/// Arguments, patterns or types as they are passed: the first one, and a tuple of all others. So a call with too few or
/// too many is one mismatch, and no sibling has more parameters than linters like. A method call has its first one
/// before the dot; `before` says how many are not in the list.
pub(crate) fn bundled(before: usize, span: Span, list: Vec<TokenStream>) -> Vec<TokenStream> {
    let mut list = list.into_iter();
    let nothing = || quote_spanned!(span=> ());
    let first = (before == 0).then(|| list.next().unwrap_or_else(nothing));
    first.into_iter().chain([quote_spanned!(span=> (#(#list,)*))]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(before: usize, count: usize) -> Vec<String> {
        let list = vec![quote_spanned!(Span::call_site()=> x); count];
        bundled(before, Span::call_site(), list).iter().map(|tokens| tokens.to_string().replace(' ', "")).collect()
    }

    #[test]
    fn the_first_argument_stands_alone() {
        assert_eq!(passed(0, 0), ["()", "()"]);
        assert_eq!(passed(0, 1), ["x", "()"]);
        assert_eq!(passed(0, 3), ["x", "(x,x,)"]);
    }

    #[test]
    fn a_receiver_is_a_first_argument() {
        assert_eq!(passed(1, 0), ["()"]);
        assert_eq!(passed(1, 2), ["(x,x,)"]);
    }
}
