//! Calls that can be made once more in the background: the whole call is a closure of its arguments, which captures nothing.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{FnArg, Ident};

use super::{is_renamed, ours, repeated};
use crate::plan::{Face, Plan};
use crate::signature::Param;
use crate::types;

/// `.again(…)`, for the guard of a call: how it repeats itself.
pub(super) fn guarded(plan: &Plan<'_>) -> Option<TokenStream> {
    if !plan.repeats() {
        return None;
    }
    let arguments = plan.analysis.params.iter().map(|param| name(plan, param));
    Some(quote_spanned!(Span::mixed_site()=> .again(&|| again(#(&#arguments),*))))
}

/// A call around its content, where it can be repeated; else the content.
pub(super) fn call(plan: &Plan<'_>, output: &TokenStream, content: TokenStream) -> TokenStream {
    if !plan.repeats() {
        return content;
    }
    let private = &plan.private;
    let is_async = matches!(plan.face, Face::Future(_));
    let (asyncness, wait) = if is_async { (quote!(async), quote!(.await)) } else { (quote!(), quote!()) };
    let params: Vec<&Param> = plan.analysis.params.iter().collect();
    let (arguments, types): (Vec<_>, Vec<_>) =
        params.iter().map(|param| (name(plan, param), repeated(&param.ty))).unzip();
    let patterns = params.iter().map(|param| pattern(plan, param));
    let none = params.iter().map(|_| quote!(_));
    let lifted: Vec<Ident> =
        params.iter().map(|param| Ident::new(&format!("lifted{}", param.position), Span::mixed_site())).collect();
    let lifts = params.iter().zip(&lifted).map(|(param, lifted)| {
        let ident = name(plan, param);
        let lift = Ident::new(if is_reference(param) { "lift_reference" } else { "lift_value" }, Span::mixed_site());
        quote_spanned!(ours(param.ident.span())=> let mut #lifted = #private::#lift!(#ident);)
    });
    let job = if is_async {
        quote_spanned!(Span::mixed_site()=> #private::Job::in_task(async move {
            let _ = call(&|#(#none),*| ::core::option::Option::None, #(#lifted.lend()),*).await;
        }))
    } else {
        quote_spanned!(Span::mixed_site()=> #private::Job::on_thread(move || {
            let _ = call(&|#(#none),*| ::core::option::Option::None, #(#lifted.lend()),*);
        }))
    };
    quote_spanned! {Span::mixed_site()=>
        let call = #asyncness |
            again: &(dyn ::core::ops::Fn(#(&#types),*) -> ::core::option::Option<#private::Job> + ::core::marker::Send + ::core::marker::Sync),
            #(#patterns: #types),*
        | -> #output { #content };
        let again = |#(#arguments: &#types),*| -> ::core::option::Option<#private::Job> {
            #(#lifts)*
            if #(!#lifted.is_lifted() ||)* false {
                return ::core::option::Option::None;
            }
            ::core::option::Option::Some(#job)
        };
        call(&again, #(#arguments),*)#wait
    }
}

/// The input of the function itself, where the closure has what the user wrote.
pub(super) fn plain_input(plan: &Plan<'_>, param: &Param, input: &mut FnArg) {
    if let FnArg::Typed(typed) = input
        && plan.repeats()
        && !is_renamed(plan, param)
    {
        let ident = name(plan, param);
        *typed.pat =
            syn::Pat::Ident(syn::PatIdent { attrs: Vec::new(), by_ref: None, mutability: None, ident, subpat: None });
    }
}

/// What nobody uses, neither key nor body, has a name of ours: that of the user's says that it is not used.
fn is_unused(plan: &Plan<'_>, param: &Param) -> bool {
    param.is_underscored() && !plan.is_in_key(param)
}

fn name(plan: &Plan<'_>, param: &Param) -> Ident {
    if is_unused(plan, param) {
        Ident::new(&format!("arg{}", param.position), Span::mixed_site())
    } else {
        param.ident.clone()
    }
}

fn pattern(plan: &Plan<'_>, param: &Param) -> TokenStream {
    let ident = name(plan, param);
    let is_mutable = plan.analysis.sig.inputs.get(param.position).is_some_and(|input| {
        matches!(input, FnArg::Typed(typed) if matches!(&*typed.pat, syn::Pat::Ident(pat) if pat.mutability.is_some()))
    });
    if is_mutable { quote!(mut #ident) } else { quote!(#ident) }
}

fn is_reference(param: &Param) -> bool {
    types::behind_reference(&param.ty).is_some()
}
