//! The attribute `#[memoize]`, the attribute `#[invalidates]`, and the macros that act on one call.
//!
//! This crate is a part of `memo` and of no use without it: see the documentation there.

mod address;
mod calls;
mod check;
mod errors;
mod expand;
mod fallback;
mod invalidates;
mod item;
mod memoize;
mod options;
mod plan;
mod scan;
mod signature;
mod suggest;
mod tokens;
mod types;

use proc_macro::TokenStream;

#[doc = include_str!("memoize.md")]
#[proc_macro_attribute]
pub fn memoize(options: TokenStream, item: TokenStream) -> TokenStream {
    memoize::memoize(options.into(), item.into()).into()
}

#[doc = include_str!("invalidates.md")]
#[proc_macro_attribute]
pub fn invalidates(targets: TokenStream, item: TokenStream) -> TokenStream {
    invalidates::invalidates(targets.into(), item.into()).into()
}

/// `(path of memo) call`: the call, reading and writing nothing.
#[doc(hidden)]
#[proc_macro]
pub fn __skip_cache(input: TokenStream) -> TokenStream {
    calls::with_mode(input.into(), "Skip").into()
}

/// `(path of memo) call`: the call, its value stored over an older one.
#[doc(hidden)]
#[proc_macro]
pub fn __overwrite_cache(input: TokenStream) -> TokenStream {
    calls::with_mode(input.into(), "Overwrite").into()
}

/// `(path of memo) mode, call`: the call in that mode.
#[doc(hidden)]
#[proc_macro]
pub fn __call_with(input: TokenStream) -> TokenStream {
    calls::with_given_mode(input.into()).into()
}

/// `(path of memo) call`: the stored value.
#[doc(hidden)]
#[proc_macro]
pub fn __cache_get(input: TokenStream) -> TokenStream {
    calls::address(input.into(), "get").into()
}

/// `(path of memo) call`: the stored entry.
#[doc(hidden)]
#[proc_macro]
pub fn __cache_entry(input: TokenStream) -> TokenStream {
    calls::address(input.into(), "entry").into()
}

/// `(path of memo) call, value`: stores a value.
#[doc(hidden)]
#[proc_macro]
pub fn __cache_set(input: TokenStream) -> TokenStream {
    calls::set(input.into()).into()
}

/// `(path of memo) call`: deletes the entry.
#[doc(hidden)]
#[proc_macro]
pub fn __cache_delete(input: TokenStream) -> TokenStream {
    calls::address(input.into(), "delete").into()
}

/// `(path of memo) call`: why it would hit or miss.
#[doc(hidden)]
#[proc_macro]
pub fn __explain_cache(input: TokenStream) -> TokenStream {
    calls::address(input.into(), "explain").into()
}
