//! Expansion: a plan becomes code. Nothing here can fail.

mod extras;
mod function;
mod impl_block;
mod key;
mod receiver;
mod sibling;
mod site;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};

pub(crate) use impl_block::impl_block;

use crate::plan::{Face, Plan, Stored};
use crate::scan;
use crate::signature::{Param, Pattern};

/// A function, its siblings, and its handle.
pub(crate) fn function(plan: &Plan<'_>) -> TokenStream {
    let mut tokens = function::function(plan);
    for sibling in sibling::siblings(plan) {
        sibling.to_tokens(&mut tokens);
    }
    tokens.extend(sibling::handle(plan));
    tokens
}

/// The user's place with our hygiene: lints see generated code, notes point at the user's word.
fn ours(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// The user's tokens, repeated where lints shall not see them a second time. `$crate` lives by its span.
fn repeated(tokens: impl ToTokens) -> TokenStream {
    fn repeat(tree: TokenTree) -> TokenTree {
        match tree {
            TokenTree::Group(group) => {
                let mut copy = Group::new(
                    group.delimiter(),
                    group.stream().into_iter().map(repeat).collect(),
                );
                copy.set_span(ours(group.span()));
                copy.into()
            }
            TokenTree::Ident(ident) if ident == "$crate" => ident.into(),
            mut other => {
                other.set_span(ours(other.span()));
                other
            }
        }
    }
    tokens.into_token_stream().into_iter().map(repeat).collect()
}

/// `P`, `P::local` or `P::aio`.
fn module(plan: &Plan<'_>) -> TokenStream {
    let private = &plan.private;
    match plan.face {
        Face::Blocking => private.clone(),
        Face::PerThread => quote!(#private::local),
        Face::Future(_) => quote!(#private::aio),
    }
}

/// The type whose kind decides what is stored.
fn kept_type(plan: &Plan<'_>) -> TokenStream {
    let (private, output) = (&plan.private, repeated(plan.output()));
    match plan.stored {
        Stored::Value => output,
        Stored::Open | Stored::WithErrors { .. } => quote!(#private::Whole<#output>),
    }
}

/// The probes that a sibling uses: what they find wrong is reported by the function itself.
fn quiet(plan: &Plan<'_>) -> TokenStream {
    let private = &plan.private;
    quote!(#private::quiet)
}

/// `P::kind!(R)`.
fn kind(plan: &Plan<'_>, probes: &TokenStream) -> TokenStream {
    let kept = kept_type(plan);
    quote!(#probes::kind!(#kept))
}

/// The marker of the instantiation.
fn marker(plan: &Plan<'_>) -> TokenStream {
    let private = &plan.private;
    let types: Vec<&Ident> = plan.analysis.type_params().collect();
    let consts: Vec<TokenStream> = plan
        .analysis
        .const_params()
        .map(|(name, ty)| quote!(#name: #ty))
        .collect();
    let ids = if consts.is_empty() {
        quote!(#(#types),*)
    } else {
        quote!(#(#types),*; #(#consts),*)
    };
    quote!(&|| #private::ids!(#ids))
}

/// The guard of a call or an address: the tests on a hit.
fn guard(plan: &Plan<'_>, probes: &TokenStream) -> TokenStream {
    let (private, kind) = (&plan.private, kind(plan, probes));
    let tests = plan.validate.iter().map(|test| quote!(.validate(&#test)));
    quote_spanned!(Span::mixed_site()=> #private::Guard::new(#kind) #(#tests)*)
}

/// Whether the function's parameter has a name of ours, its pattern moved to where it is used.
fn is_renamed(plan: &Plan<'_>, param: &Param) -> bool {
    matches!(param.pattern, Pattern::Destructured(..)) && plan.is_in_key(param)
}

/// Copies of renamed parameters under the names that the user's expressions know.
fn patterns_for(plan: &Plan<'_>, expressions: &TokenStream) -> TokenStream {
    let mut lets = TokenStream::new();
    for param in plan
        .analysis
        .params
        .iter()
        .filter(|param| is_renamed(plan, param))
    {
        if let Pattern::Destructured(pattern, names) = &param.pattern
            && scan::mentions_any(expressions, names)
        {
            let ident = &param.ident;
            lets.extend(quote_spanned! {Span::mixed_site()=>
                let #pattern = ::core::clone::Clone::clone(&#ident);
                let _ = (#(&#names,)*);
            });
        }
    }
    lets
}
