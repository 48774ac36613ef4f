//! Expansion: a plan becomes code. Nothing here can fail.

mod cached;
mod each;
mod extras;
mod function;
mod impl_block;
mod key;
mod receiver;
mod repeat;
mod sibling;
mod site;
mod stand_in;

use proc_macro2::{Group, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, ReturnType, Type};

pub(crate) use impl_block::impl_block;

use crate::plan::{Face, Plan, Stored};
use crate::scan;
use crate::signature::{Analysis, Param, Pattern};
use crate::types;

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
pub(crate) fn ours(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// The user's tokens, repeated where lints shall not see them a second time. `$crate` lives by its span.
fn repeated(tokens: impl ToTokens) -> TokenStream {
    fn repeat(tree: TokenTree) -> TokenTree {
        match tree {
            TokenTree::Group(group) => {
                let mut copy = Group::new(group.delimiter(), group.stream().into_iter().map(repeat).collect());
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

/// A path of ours at a place of the user's, which is where the compiler's notes about it go.
fn at(span: Span, path: &TokenStream) -> TokenStream {
    let moved = path.clone().into_iter().map(|mut tree| {
        if !matches!(&tree, TokenTree::Ident(ident) if ident == "$crate") {
            tree.set_span(span);
        }
        tree
    });
    moved.collect()
}

/// `P`, `P::local` or `P::aio`, or what stands for it where there are stores or a cache object.
fn module(plan: &Plan<'_>) -> TokenStream {
    let private = &plan.private;
    match plan.face {
        Face::Future(_) if plan.outside().is_some() => quote!(#private::stored::aio),
        _ if plan.outside().is_some() => quote!(#private::stored),
        Face::Future(_) if plan.cache().is_some() => quote!(#private::cached::aio),
        _ if plan.cache().is_some() => quote!(#private::cached),
        Face::Blocking => private.clone(),
        Face::PerThread => quote!(#private::local),
        Face::Future(_) => quote!(#private::aio),
    }
}

/// An expression over arguments that the body still needs: one that stands alone is copied.
pub(crate) fn unmoved(analysis: &Analysis<'_>, expr: &Expr) -> TokenStream {
    match analysis.named_by(expr) {
        Some(param) if !matches!(types::bare(&param.ty), Type::Reference(_)) => {
            quote_spanned!(ours(expr.span())=> ::core::clone::Clone::clone(&#expr))
        }
        _ => expr.to_token_stream(),
    }
}

/// The type whose kind decides what is stored.
fn kept_type(plan: &Plan<'_>) -> TokenStream {
    let (private, output) = (&plan.private, one_output(plan));
    match plan.stored {
        Stored::Value => output,
        Stored::Open | Stored::WithErrors { .. } => quote!(#private::Whole<#output>),
    }
}

/// What the function gives for one key.
fn one_output(plan: &Plan<'_>) -> TokenStream {
    let (private, output) = (&plan.private, repeated(plan.output()));
    if plan.each.is_some() { quote!(<#output as #private::each::Brings>::One) } else { output }
}

/// The probes that decide on keys and values: more is refused where threads share them.
fn probes(plan: &Plan<'_>) -> Probes {
    let private = &plan.private;
    let path = if plan.face == Face::PerThread { quote!(#private::local) } else { private.clone() };
    Probes { path, speaks: true }
}

/// Where probes are, and whether they report what they find wrong.
struct Probes {
    path: TokenStream,
    speaks: bool,
}

/// The probes for everything but the call's beginning, which has reported what they find wrong.
fn quiet(plan: &Plan<'_>) -> Probes {
    let Probes { path, .. } = probes(plan);
    Probes { path: quote!(#path::quiet), speaks: false }
}

/// `P::kind!(R)`, at the return type: what can't be stored is reported there.
fn kind(plan: &Plan<'_>, probes: &Probes) -> TokenStream {
    let span = match &plan.analysis.sig.output {
        ReturnType::Type(_, ty) => ours(ty.span()),
        ReturnType::Default => ours(plan.analysis.sig.ident.span()),
    };
    let (private, kept) = (at(span, &plan.private), kept_type(plan));
    let kind = if matches!(plan.stored, Stored::Value) && types::is_plain(plan.output()) {
        // No probe, which takes the compiler a while.
        quote_spanned!(span=> #private::plain::<#kept>())
    } else {
        let path = at(span, &probes.path);
        quote_spanned!(span=> #path::kind!(#kept))
    };
    match (plan.outside(), probes.speaks) {
        (None, _) => kind,
        (Some(_), true) => quote_spanned!(span=> #private::stored::serial!(#kind)),
        (Some(_), false) => quote_spanned!(span=> #private::stored::quiet_serial!(#kind)),
    }
}

/// The marker of the instantiation, and the types that its siblings know it by.
fn marker(plan: &Plan<'_>) -> TokenStream {
    let private = &plan.private;
    let surrounding = plan.has_self.then(|| quote!(Self));
    let types = surrounding.into_iter().chain(plan.analysis.type_params().map(ToTokens::to_token_stream));
    let consts: Vec<TokenStream> = plan.analysis.const_params().map(|(name, ty)| quote!(#name: #ty)).collect();
    let types: Vec<TokenStream> = types.collect();
    let own = Literal::usize_unsuffixed(types.len() + consts.len() - usize::from(plan.has_self));
    let ids = if consts.is_empty() { quote!(#(#types),*) } else { quote!(#(#types),*; #(#consts),*) };
    quote!(&|| #private::ids!(#own; #ids))
}

/// What a guard is for.
#[derive(Clone, Copy, PartialEq)]
enum GuardOf {
    Call,
    Address,
}

/// The guard of a call or an address: the tests on a hit.
fn guard(plan: &Plan<'_>, at: GuardOf) -> TokenStream {
    let probes = &quiet(plan);
    let private = &plan.private;
    let depends = (!plan.dependency.is_empty()).then(|| quote_spanned!(Span::mixed_site()=> .depends(&depends)));
    if plan.validate.is_empty() {
        return quote_spanned!(Span::mixed_site()=> #private::Guard::none() #depends);
    }
    let kind = kind(plan, probes);
    // The address of an async function's entry does its work when the arguments are gone.
    let is_later = at == GuardOf::Address && plan.may_be_outside() && matches!(plan.face, Face::Future(_));
    let tests = plan
        .validate
        .iter()
        .map(|test| if is_later { quote!(.validate_later(#test)) } else { quote!(.validate(&#test)) });
    quote_spanned!(Span::mixed_site()=> #private::Guard::new(#kind) #(#tests)* #depends)
}

/// `depends`, for guards and extras, where the function depends on something: its probes look later, and once.
fn depends(plan: &Plan<'_>) -> Option<TokenStream> {
    if plan.dependency.is_empty() {
        return None;
    }
    let (private, probes) = (&plan.private, &plan.dependency);
    Some(quote_spanned!(Span::mixed_site()=> let depends = #private::Depends::on([#(#probes),*]);))
}

/// Whether the function's parameter has a name of ours, its pattern moved to where it is used.
fn is_renamed(plan: &Plan<'_>, param: &Param) -> bool {
    matches!(param.pattern, Pattern::Destructured(..)) && (plan.is_in_key(param) || plan.each.is_some())
}

/// Copies of renamed parameters under the names that the user's expressions know.
fn patterns_for(plan: &Plan<'_>, expressions: &TokenStream) -> TokenStream {
    let mut lets = TokenStream::new();
    for param in plan.analysis.params.iter().filter(|param| is_renamed(plan, param)) {
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

#[cfg(test)]
mod tests;
