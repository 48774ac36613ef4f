//! The annotated function: itself, its body moved behind one call into the runtime.

use proc_macro2::{Group, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Expr, FnArg, Pat, PatIdent, Signature};

use super::cached;
use super::each;
use super::extras::{self, Extras};
use super::key::{self, KeyCode};
use super::repeat;
use super::{
    GuardOf, guard, is_renamed, kind, marker, module, one_output, patterns_for, probes, receiver, repeated, site,
};
use crate::plan::{Capacity, Face, FutureForm, Key, Part, Plan, Stored};
use crate::scan;
use crate::signature::Pattern;
use crate::types;

pub(super) fn function(plan: &Plan<'_>) -> TokenStream {
    let function = plan.function;
    let (attrs, vis, defaultness) = (&function.attrs, &function.vis, &function.defaultness);
    let sig = signature(plan);
    let inner_attrs = &function.inner_attrs;
    let warning = receiver::warning(plan);
    let (site, checks) = (site::site(plan), site::checks(plan));
    let call = match plan.face {
        _ if plan.each.is_some() => each::call(plan),
        Face::Blocking | Face::PerThread => blocking(plan),
        Face::Future(form) => future(plan, form),
    };
    let block = braced(function.body.span(), quote!(#inner_attrs #site #checks #warning #call));
    quote!(#(#attrs)* #vis #defaultness #sig #block)
}

/// Braces of the user's, around code of ours.
fn braced(span: Span, tokens: TokenStream) -> Group {
    let mut group = Group::new(proc_macro2::Delimiter::Brace, tokens);
    group.set_span(span);
    group
}

/// The signature as it was, patterns in the key replaced by names.
fn signature(plan: &Plan<'_>) -> Signature {
    let mut sig = plan.analysis.sig.clone();
    for param in plan.analysis.params.iter().filter(|param| is_renamed(plan, param)) {
        if let Some(FnArg::Typed(typed)) = sig.inputs.get_mut(param.position) {
            *typed.pat = Pat::Ident(PatIdent {
                attrs: Vec::new(),
                by_ref: None,
                mutability: None,
                ident: param.ident.clone(),
                subpat: None,
            });
        }
    }
    for param in &plan.analysis.params {
        if let Some(input) = sig.inputs.get_mut(param.position) {
            repeat::plain_input(plan, param, input);
            each::plain_input(plan, input);
        }
    }
    sig
}

/// The body in its braces, after the patterns that the signature lost.
pub(super) fn body(plan: &Plan<'_>) -> Group {
    let mut tokens = TokenStream::new();
    for param in plan.analysis.params.iter().filter(|param| is_renamed(plan, param)) {
        if let Pattern::Destructured(pattern, _) = &param.pattern {
            let ident = &param.ident;
            tokens.extend(quote_spanned!(Span::mixed_site()=> let #pattern = #ident;));
        }
    }
    tokens.extend(plan.function.body.stream());
    braced(plan.function.body.span(), tokens)
}

/// What asks the cache: one expression, and the guard that goes with it, if any.
struct Begin {
    expression: TokenStream,
    guard: Option<TokenStream>,
}

fn begin(plan: &Plan<'_>) -> Begin {
    let probes = &probes(plan);
    let (marker, kind) = (marker(plan), kind(plan, probes));
    let KeyCode { lets, key } = key::key(plan, probes);
    let mut bindings = patterns_for(plan, &first_expressions(plan));
    bindings.extend(lets);
    let guard = call_guard(plan);
    let expression = match plan.cache() {
        Some(cache) => {
            let guard = guard.clone().unwrap_or_default();
            cached::begun(plan, cache, &cached::Parts { bindings, marker, kind, key, guard })
        }
        None => begun(plan, &bindings, &call(plan, &marker, &kind, &key, guard.as_ref())),
    };
    Begin { expression, guard }
}

fn call(
    plan: &Plan<'_>,
    marker: &TokenStream,
    kind: &TokenStream,
    key: &TokenStream,
    guard: Option<&TokenStream>,
) -> TokenStream {
    let module = module(plan);
    match guard {
        None => {
            quote_spanned!(Span::mixed_site()=> #module::begin(&__MEMO_SITE, #marker, #kind, &#key))
        }
        // With stores there is one form only.
        Some(guard) if plan.outside().is_some() => match taken_weight(plan) {
            None => quote_spanned!(Span::mixed_site()=> #module::begin(&__MEMO_SITE, #marker, #kind, &#key, #guard)),
            Some(weigh) => quote_spanned! {Span::mixed_site()=>
                #module::begin_weighing(&__MEMO_SITE, #marker, #kind, &#key, #guard, #weigh)
            },
        },
        Some(guard) => quote_spanned! {Span::mixed_site()=>
            #module::begin_with(&__MEMO_SITE, #marker, #kind, &#key, #guard)
        },
    }
}

/// The guard of a call, if there is anything to guard: tests on a hit, and a failure in place of a wait.
pub(super) fn call_guard(plan: &Plan<'_>) -> Option<TokenStream> {
    if plan.takes_any_entry() && !plan.fails_on_timeout() && !plan.may_be_outside() && plan.windows.is_none() {
        return None;
    }
    let (private, output) = (&plan.private, one_output(plan));
    let guard = guard(plan, GuardOf::Call);
    let failure = plan.fails_on_timeout().then(|| quote!(.fail(#private::fail_with::<#output>())));
    let again = repeat::guarded(plan);
    Some(quote_spanned!(Span::mixed_site()=> #guard #failure #again))
}

/// What an entry weighs that memory takes over from a store.
pub(super) fn taken_weight<'p>(plan: &'p Plan<'_>) -> Option<&'p Expr> {
    match &plan.capacity {
        Capacity::Bounded { weight: Some(weight), .. } if plan.outside().is_some() => Some(&weight.weigh),
        _ => None,
    }
}

/// The user's expressions that are evaluated before anything else: places in the key, the cache, tests on a hit.
pub(super) fn first_expressions(plan: &Plan<'_>) -> TokenStream {
    let mut tokens = TokenStream::new();
    if let Key::Arguments(parts) = &plan.key {
        for part in parts {
            if let Part::Place(place) = part {
                place.expr.to_tokens(&mut tokens);
            }
        }
    }
    plan.cache().to_tokens(&mut tokens);
    tokens.extend(plan.validate.iter().chain(taken_weight(plan)).map(scan::free));
    tokens
}

/// What the call depends on, said before anything else happens.
fn depends(plan: &Plan<'_>) -> Option<TokenStream> {
    let (private, depends) = (&plan.private, super::depends(plan)?);
    let patterns = patterns_for(plan, &plan.dependency.iter().map(quote::ToTokens::to_token_stream).collect());
    Some(quote_spanned! {Span::mixed_site()=>
        let depends = {
            // The user's expressions may call memoized functions, which the mode of this call is not for.
            let mode = #private::set_aside();
            #patterns
            #depends
            ::core::mem::drop(mode);
            depends
        };
    })
}

/// The beginning as one expression. Its temporaries end before what is bound for it does.
fn begun(plan: &Plan<'_>, bindings: &TokenStream, call: &TokenStream) -> TokenStream {
    let private = &plan.private;
    if bindings.is_empty() {
        return call.clone();
    }
    quote_spanned! {Span::mixed_site()=> {
        // The user's expressions may call memoized functions, which the mode of this call is not for.
        let mode = #private::set_aside();
        #bindings
        ::core::mem::drop(mode);
        let begun = #call;
        begun
    }}
}

fn blocking(plan: &Plan<'_>) -> TokenStream {
    let private = &plan.private;
    let Begin { expression: begun, .. } = begin(plan);
    let extras = extras::of_function(plan);
    let finish = finish(plan, &extras);
    let Extras { before, after, .. } = extras;
    let (output, body) = (repeated(plan.output()), body(plan));
    let fails = fails(plan);
    let run = if plan.windows.is_some() {
        quote_spanned! {Span::mixed_site()=>
            match run.attempt(#fails, move || -> #output #body) {
                ::core::result::Result::Ok(result) => { #after #finish }
                ::core::result::Result::Err(older) => older,
            }
        }
    } else {
        quote_spanned! {Span::mixed_site()=>
            let result = run.call(move || -> #output #body);
            #after
            #finish
        }
    };
    let depends = depends(plan);
    let content = quote_spanned! {Span::mixed_site()=>
        #depends
        match #begun {
            #private::Started::Done(value) => value,
            #private::Started::Run(mut run) => {
                #before
                #run
            }
        }
    };
    repeat::call(plan, &output, content)
}

/// What tells failures among what could be stored.
fn fails(plan: &Plan<'_>) -> TokenStream {
    let private = &plan.private;
    if matches!(plan.stored, Stored::WithErrors { .. }) {
        quote!(#private::err_fails)
    } else {
        quote!(#private::never_fails)
    }
}

fn finish(plan: &Plan<'_>, extras: &Extras) -> TokenStream {
    let (private, chain) = (&plan.private, &extras.chain);
    if plan.may_be_outside() {
        let kept = quote_spanned!(Span::mixed_site()=> run.keep(result, run.extras() #chain));
        if !matches!(plan.face, Face::Future(_)) {
            return quote_spanned!(Span::mixed_site()=> #kept.on_thread());
        }
        // Nothing that other threads can't have lives while the stores are waited for.
        return quote_spanned! {Span::mixed_site()=>
            let later = match #kept {
                #private::Kept::Now(value) => return value,
                #private::Kept::Later(later) => later,
            };
            later.stored().await
        };
    }
    if chain.is_empty() {
        quote_spanned!(Span::mixed_site()=> run.finish(result))
    } else {
        quote_spanned!(Span::mixed_site()=> run.finish_with(result, run.extras() #chain))
    }
}

fn future(plan: &Plan<'_>, form: FutureForm) -> TokenStream {
    in_form(form, &future_content(plan, form))
}

/// The content of a future as the function returns it.
pub(super) fn in_form(form: FutureForm, content: &TokenStream) -> TokenStream {
    match form {
        FutureForm::AsyncFn => content.clone(),
        FutureForm::Opaque => quote_spanned!(Span::mixed_site()=> async move { #content }),
        FutureForm::Boxed => {
            quote_spanned!(Span::mixed_site()=> ::std::boxed::Box::pin(async move { #content }))
        }
    }
}

fn future_content(plan: &Plan<'_>, form: FutureForm) -> TokenStream {
    let private = &plan.private;
    let begin = begin(plan);
    let first = &begin.expression;
    let again = again(plan, &begin);
    let extras = extras::of_function(plan);
    let finish = finish(plan, &extras);
    // Only what is told more at its end changes.
    let run = if extras.chain.is_empty() && !plan.may_be_outside() && plan.windows.is_none() {
        quote_spanned!(Span::mixed_site()=> run)
    } else {
        quote_spanned!(Span::mixed_site()=> mut run)
    };
    let Extras { before, after, .. } = extras;
    let future = body_future(plan, form);
    let fails = fails(plan);
    let drive = if plan.windows.is_some() {
        quote_spanned! {Span::mixed_site()=>
            match run.attempt_in_task(#fails, #future).await {
                ::core::result::Result::Ok(result) => { #after #finish }
                ::core::result::Result::Err(older) => older,
            }
        }
    } else {
        quote_spanned! {Span::mixed_site()=>
            let result = run.drive(#future).await;
            #after
            #finish
        }
    };
    let depends = depends(plan).map(|depends| quote_spanned!(Span::mixed_site()=> #depends depends.look().await;));
    let content = quote_spanned! {Span::mixed_site()=>
        #depends
        let mut begun = #first;
        while let #private::Begun::Wait(wait) = begun {
            #again
        }
        match begun {
            #private::Begun::Done(value) => value,
            #private::Begun::Run(#run) => {
                #before
                #drive
            }
            #private::Begun::Wait(_) => ::core::unreachable!(),
        }
    };
    repeat::call(plan, &repeated(plan.output()), content)
}

/// Asks again after a wait.
fn again(plan: &Plan<'_>, begin: &Begin) -> TokenStream {
    let Some(guard) = &begin.guard else {
        return quote_spanned!(Span::mixed_site()=> begun = wait.await.again(););
    };
    let patterns = patterns_for(plan, &first_expressions(plan));
    let again = match taken_weight(plan) {
        None => quote_spanned!(Span::mixed_site()=> again_with(#guard)),
        Some(weigh) => quote_spanned!(Span::mixed_site()=> again_weighing(#guard, #weigh)),
    };
    quote_spanned! {Span::mixed_site()=>
        let waited = wait.await;
        #patterns
        begun = waited.#again;
    }
}

/// The future that the body is, its output pinned to the declared one.
fn body_future(plan: &Plan<'_>, form: FutureForm) -> TokenStream {
    let (private, output, body) = (&plan.private, repeated(plan.output()), body(plan));
    match form {
        FutureForm::AsyncFn => {
            let body = typed(&output, &body);
            quote_spanned!(Span::mixed_site()=> #private::output::<#output, _>(async move #body))
        }
        FutureForm::Opaque => {
            quote_spanned!(Span::mixed_site()=> #private::output::<#output, _>((move || #body)()))
        }
        FutureForm::Boxed => {
            let declared = repeated(types::returned(&plan.analysis.sig.output));
            quote_spanned!(Span::mixed_site()=> #private::output::<#output, _>((move || -> #declared #body)()))
        }
    }
}

/// The body behind a `return` that never happens. An async block has no return type; this one gives the body what
/// that of a function gives it: coercions, and errors at the expression that is wrong.
pub(super) fn typed(output: &TokenStream, body: &Group) -> Group {
    let statements = body.stream();
    let tokens = quote_spanned! {Span::mixed_site()=>
        if let ::core::option::Option::Some(value) = ::core::option::Option::None::<#output> {
            return value;
        }
        #statements
    };
    braced(body.span(), tokens)
}
