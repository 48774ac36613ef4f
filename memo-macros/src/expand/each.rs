//! Functions that compute several keys at once: what asks for each of them, and the runs of the body for those that are missing.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{FnArg, Pat, Type};

use super::function::{body, call_guard, first_expressions, in_form, taken_weight, typed};
use super::key::{self, KeyCode};
use super::{at, cached, extras, is_renamed, kind, marker, ours, patterns_for, probes, repeated};
use crate::plan::{Each, Face, FutureForm, Plan};
use crate::scan;
use crate::signature::Param;
use crate::types;

pub(super) fn call(plan: &Plan<'_>) -> TokenStream {
    let Some(each) = &plan.each else { return TokenStream::new() };
    let content = content(plan, each);
    match plan.face {
        Face::Blocking | Face::PerThread => content,
        Face::Future(form) => in_form(form, &content),
    }
}

/// Asks for all keys, then runs the body until nothing is missing.
fn content(plan: &Plan<'_>, each: &Each) -> TokenStream {
    let private = &plan.private;
    let (ident, function) = (&each.param.ident, plan.analysis.name());
    let name = if each.are_references { quote!(#private::each::behind) } else { quote!(#private::each::itself) };
    let (ask, step, run) = (ask(plan), step(plan, each), run(plan, each, &name));
    let wait = in_face(plan, quote!(wait_on_thread()), quote!(wait_in_task().await));
    // What is wrong with the type is reported there.
    let done = quote_spanned!(ours(plan.output().span())=> return batch.output(elements, #name));
    quote_spanned! {Span::mixed_site()=>
        let elements = #ident;
        let mut batch = #private::each::Batch::new(#function);
        for #ident in elements {
            #ask
        }
        loop {
            let missing = match batch.next_step() {
                #private::each::Next::Done => #done,
                #private::each::Next::Wait => {
                    batch.#wait;
                    if let ::core::option::Option::Some(failure) = batch.step(#step) {
                        return failure;
                    }
                    continue;
                }
                #private::each::Next::Run(missing) => missing,
            };
            #run
        }
    }
}

fn in_face(plan: &Plan<'_>, on_thread: TokenStream, in_task: TokenStream) -> TokenStream {
    if matches!(plan.face, Face::Future(_)) { in_task } else { on_thread }
}

/// Asks for one key.
fn ask(plan: &Plan<'_>) -> TokenStream {
    let probes = &probes(plan);
    let KeyCode { lets, key } = key::key(plan, probes);
    let patterns = patterns_for(plan, &first_expressions(plan));
    let (marker, kind, guard) = (marker(plan), kind(plan, probes), call_guard(plan));
    let Some(cache) = plan.cache() else {
        let first = first_step(plan, &marker, &kind, guard.as_ref());
        return quote_spanned! {Span::mixed_site()=>
            #patterns
            #lets
            match #key {
                key => batch.ask(&key, || #first),
            }
        };
    };
    let (private, is_open) = (&plan.private, plan.validate.is_empty());
    let (object, begin) = (cached::object(plan, cache, &kind), cached::in_task(plan, "begin_together"));
    // Whatever the object's expression holds, a lock perhaps, is gone before anybody waits.
    quote_spanned! {Span::mixed_site()=>
        #patterns
        #lets
        match #key {
            key => match #object {
                object => batch.ask(&key, || {
                    let mode = #private::set_aside();
                    let found = #private::cached::find(&__MEMO_SITE, #marker, #kind, &key, #is_open, object, mode);
                    found.#begin(#guard)
                }),
            },
        }
    }
}

/// The first step of the call of one key, which does not wait.
fn first_step(plan: &Plan<'_>, marker: &TokenStream, kind: &TokenStream, guard: Option<&TokenStream>) -> TokenStream {
    let private = &plan.private;
    if plan.outside().is_some() {
        let module = in_face(plan, quote!(together), quote!(together_in_task));
        return match taken_weight(plan) {
            None => quote_spanned! {Span::mixed_site()=>
                #private::stored::#module::begin(&__MEMO_SITE, #marker, #kind, &key, #guard)
            },
            Some(weigh) => quote_spanned! {Span::mixed_site()=>
                #private::stored::#module::begin_weighing(&__MEMO_SITE, #marker, #kind, &key, #guard, #weigh)
            },
        };
    }
    let (begin, guard) = match guard {
        None => (quote!(begin), quote!()),
        Some(guard) => (quote!(begin_with), quote!(, #guard)),
    };
    let arguments = quote_spanned!(Span::mixed_site()=> (&__MEMO_SITE, #marker, #kind, &key #guard));
    if plan.face == Face::PerThread {
        // There nobody waits for another.
        return quote!(::core::convert::Into::into(#private::local::#begin #arguments));
    }
    quote!(#private::aio::#begin #arguments)
}

/// Goes on with a key that has waited.
fn step(plan: &Plan<'_>, each: &Each) -> TokenStream {
    let Some(guard) = call_guard(plan) else {
        return quote_spanned!(Span::mixed_site()=> |_, waited| waited.again());
    };
    let (patterns, one) = (patterns_for(plan, &first_expressions(plan)), one(each));
    let again = match taken_weight(plan) {
        None => quote_spanned!(Span::mixed_site()=> again_with(#guard)),
        Some(weigh) => quote_spanned!(Span::mixed_site()=> again_weighing(#guard, #weigh)),
    };
    quote_spanned! {Span::mixed_site()=>
        |at, waited| {
            #one
            #patterns
            waited.#again
        }
    }
}

/// The element of a key, under the name of all.
fn one(each: &Each) -> TokenStream {
    let ident = &each.param.ident;
    quote_spanned!(Span::mixed_site()=> let #ident = &elements[at]; let _ = #ident;)
}

/// A run of the body for the elements that are missing, and what becomes of its values.
fn run(plan: &Plan<'_>, each: &Each, name: &TokenStream) -> TokenStream {
    let ident = &each.param.ident;
    let span = ours(each.param.ty.span());
    let private = at(span, &plan.private);
    let chosen = quote_spanned!(span=> #private::each::chosen(elements, &missing));
    let arguments: TokenStream = plan.analysis.params.iter().map(|param| argument(plan, each, param)).collect();
    let (brought, keep) = (brought(plan), keep(plan, each));
    let kept = quote_spanned!(Span::mixed_site()=> batch.keep(brought, &chosen, #name, #keep));
    let kept = if plan.may_be_outside() {
        let wait = in_face(plan, TokenStream::new(), quote!(.await));
        let store = in_face(plan, quote!(store_on_thread), quote!(store_in_task));
        quote_spanned! {Span::mixed_site()=>
            let later = match #kept {
                ::core::result::Result::Ok(later) => later,
                ::core::result::Result::Err(failure) => return failure,
            };
            batch.#store(later)#wait;
        }
    } else {
        quote_spanned! {Span::mixed_site()=>
            if let ::core::result::Result::Err(failure) = #kept {
                return failure;
            }
        }
    };
    quote_spanned! {Span::mixed_site()=>
        let chosen = #chosen;
        let brought = {
            let #ident = &*chosen;
            #arguments
            #brought
        };
        #kept
    }
}

/// An argument for one run: what is taken by value is still needed for the next.
fn argument(plan: &Plan<'_>, each: &Each, param: &Param) -> TokenStream {
    let body = || plan.function.body.stream();
    if param.position == each.param.position || !is_renamed(plan, param) && !scan::mentions_any(&body(), param.names())
    {
        return TokenStream::new();
    }
    let (ident, span) = (&param.ident, ours(param.ident.span()));
    let mutability = is_mutable(plan, param).then(|| quote!(mut));
    match types::bare(&param.ty) {
        Type::Reference(reference) if reference.mutability.is_some() => {
            quote_spanned!(span=> let #mutability #ident = &mut *#ident;)
        }
        Type::Reference(_) if mutability.is_none() => TokenStream::new(),
        _ => {
            let private = at(span, &plan.private);
            quote_spanned!(span=> let #mutability #ident = #private::each::repeated(&#ident);)
        }
    }
}

/// Is it `mut`, as it is written?
fn is_mutable(plan: &Plan<'_>, param: &Param) -> bool {
    let input = plan.analysis.sig.inputs.get(param.position);
    matches!(input, Some(FnArg::Typed(typed)) if matches!(&*typed.pat, Pat::Ident(pat) if pat.mutability.is_some()))
}

/// The input of the function itself: each run of the body has its own.
pub(super) fn plain_input(plan: &Plan<'_>, input: &mut FnArg) {
    if let FnArg::Typed(typed) = input
        && let Pat::Ident(pat) = &mut *typed.pat
        && plan.each.is_some()
    {
        pat.mutability = None;
    }
}

/// What the body gives.
fn brought(plan: &Plan<'_>) -> TokenStream {
    let (is_spared, run) = (plan.windows.is_some(), run_of_body(plan));
    if !is_spared {
        return run;
    }
    let wait = in_face(plan, TokenStream::new(), quote!(.await));
    let spared = in_face(plan, quote!(spared_on_thread), quote!(spared_in_task));
    quote_spanned! {Span::mixed_site()=>
        let brought = #run;
        match batch.#spared(brought)#wait {
            ::core::option::Option::Some(brought) => brought,
            ::core::option::Option::None => continue,
        }
    }
}

fn run_of_body(plan: &Plan<'_>) -> TokenStream {
    let (output, body) = (repeated(plan.output()), body(plan));
    // A `&mut self` is lent to each run; everything else is the run's own.
    let moves = (!plan.analysis.has_mutable_receiver()).then(|| quote!(move));
    let is_spared = plan.windows.is_some();
    let Face::Future(form) = plan.face else {
        let run = if is_spared { quote!(attempt) } else { quote!(call) };
        return quote_spanned!(Span::mixed_site()=> batch.#run(#moves || -> #output #body));
    };
    let future = match form {
        FutureForm::AsyncFn => {
            let body = typed(&output, &body);
            quote_spanned!(Span::mixed_site()=> async #moves #body)
        }
        FutureForm::Opaque => quote_spanned!(Span::mixed_site()=> (move || #body)()),
        FutureForm::Boxed => {
            let declared = of_this_run(repeated(types::returned(&plan.analysis.sig.output)));
            quote_spanned!(Span::mixed_site()=> (move || -> #declared #body)())
        }
    };
    let (private, run) = (&plan.private, if is_spared { quote!(attempt_in_task) } else { quote!(drive) });
    quote_spanned!(Span::mixed_site()=> batch.#run(#private::output::<#output, _>(#future)).await)
}

/// A type whose lifetimes are those of one run: it borrows the elements that are missing.
fn of_this_run(tokens: TokenStream) -> TokenStream {
    let mut after_quote = false;
    let name = |tree: TokenTree| {
        let is_name =
            std::mem::replace(&mut after_quote, matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == '\''));
        match tree {
            TokenTree::Ident(ident) if is_name && ident != "static" => Ident::new("_", ident.span()).into(),
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), of_this_run(group.stream()));
                inner.set_span(group.span());
                inner.into()
            }
            other => other,
        }
    };
    tokens.into_iter().map(name).collect()
}

/// Stores what the body brought for one key.
fn keep(plan: &Plan<'_>, each: &Each) -> TokenStream {
    let mut expressions = plan.argument_expressions();
    expressions.extend(plan.value_expressions());
    expressions.extend(plan.cache_if.iter().map(scan::free));
    let (one, patterns, chain) = (one(each), patterns_for(plan, &expressions), extras::of_one(plan));
    let keep = if plan.may_be_outside() { quote!(keep) } else { quote!(finish) };
    if expressions.is_empty() {
        return quote_spanned!(Span::mixed_site()=> |_, run, ending| ending.#keep(run.extras() #chain, run));
    }
    quote_spanned! {Span::mixed_site()=>
        |at, run, ending| {
            #one
            #patterns
            ending.#keep(run.extras() #chain, run)
        }
    }
}
