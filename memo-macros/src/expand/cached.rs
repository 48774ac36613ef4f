//! Calls and addresses of functions whose entries live in a cache object.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Expr;
use syn::spanned::Spanned as _;

use super::{at, ours};
use crate::plan::{Face, Plan};

/// What a call or an address is made of.
pub(super) struct Parts {
    pub(super) bindings: TokenStream,
    pub(super) marker: TokenStream,
    pub(super) kind: TokenStream,
    pub(super) key: TokenStream,
    pub(super) guard: TokenStream,
}

/// The beginning of a call as one expression. Key and cache are evaluated first; whatever that holds, a lock perhaps, is gone
/// before anybody waits.
pub(super) fn begun(plan: &Plan<'_>, cache: &Expr, parts: &Parts) -> TokenStream {
    let (private, Parts { bindings, marker, kind, key, guard }) = (&plan.private, parts);
    let (is_open, begin, object) = (plan.takes_any_entry(), in_task(plan, "begin"), object(plan, cache, kind));
    quote_spanned! {Span::mixed_site()=> {
        // The user's expressions may call memoized functions, which the mode of this call is not for.
        let mode = #private::set_aside();
        #bindings
        let begun = match #key {
            key => {
                let found = #private::cached::find(&__MEMO_SITE, #marker, #kind, &key, #is_open, #object, mode);
                found.#begin(#guard)
            }
        };
        begun
    }}
}

/// The end of an address: `store` stores a value there, `then` is in scope.
pub(super) fn addressed(plan: &Plan<'_>, cache: &Expr, parts: &Parts, store: &TokenStream) -> TokenStream {
    let (private, Parts { bindings, kind, key, guard, .. }) = (&plan.private, parts);
    let (address, object) = (in_task(plan, "address"), object(plan, cache, kind));
    quote_spanned! {Span::mixed_site()=>
        #bindings
        match #key {
            key => {
                let found = #private::cached::find_address(#kind, &key, #object);
                found.#address(#guard, &#store, then);
            }
        }
    }
}

/// The object, where `key` is bound: what is wrong with its type is reported at the user's expression.
pub(super) fn object(plan: &Plan<'_>, cache: &Expr, kind: &TokenStream) -> TokenStream {
    let span = ours(cache.span());
    let private = at(span, &plan.private);
    // With the expression's own span the compiler underlines all of it.
    let borrowed = quote_spanned!(cache.span()=> &#cache);
    quote_spanned!(span=> #private::cached::object(&key, #kind, #borrowed))
}

/// The method of that name, for threads or tasks.
pub(super) fn in_task(plan: &Plan<'_>, name: &str) -> syn::Ident {
    match plan.face {
        Face::Future(_) => quote::format_ident!("{name}_in_task", span = Span::mixed_site()),
        Face::Blocking | Face::PerThread => quote::format_ident!("{name}", span = Span::mixed_site()),
    }
}
