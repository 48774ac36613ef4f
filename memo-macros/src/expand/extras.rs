//! What is said about an entry when it is stored: lifetimes, tags, weight, filters.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, Type};

use super::{Probes, at, kind, ours, quiet, site, unmoved};
use crate::options::Lifetime;
use crate::plan::{Capacity, Freshness, Plan, Stored};
use crate::scan;
use crate::signature::Pattern;
use crate::types;

/// Code around the body.
#[derive(Default)]
pub(super) struct Extras {
    /// Computed from the arguments before the body takes them.
    pub(super) before: TokenStream,
    /// Copies given back their names, for closures that run after the body.
    pub(super) after: TokenStream,
    /// Method calls on `run.extras()` or `set.extras()`.
    pub(super) chain: TokenStream,
}

/// The extras of the function itself.
pub(super) fn of_function(plan: &Plan<'_>) -> Extras {
    let mut extras = Extras::default();
    let mut later = plan.value_expressions();
    later.extend(plan.cache_if.iter().map(scan::free));
    let mut all = plan.argument_expressions();
    all.extend(later.clone());
    extras.before.extend(super::patterns_for(plan, &all));
    keep_arguments(plan, &later, &mut extras);
    let names = Names { bind: true };
    of_arguments(plan, &names, &mut extras);
    of_value(plan, &quiet(plan), &mut extras.chain);
    let tests = &plan.cache_if;
    extras.chain.extend(quote_spanned!(Span::mixed_site()=> #(.cache_if(&#tests))*));
    extras
}

/// The chain for a value that a body has just brought for one of several keys, whose arguments are still there.
pub(super) fn of_one(plan: &Plan<'_>) -> TokenStream {
    let (chain, tests) = (of_sibling(plan, &quiet(plan)), &plan.cache_if);
    quote_spanned!(Span::mixed_site()=> #chain #(.cache_if(&#tests))*)
}

/// The chain for values that are set from outside. Filters are for computed values only.
pub(super) fn of_sibling(plan: &Plan<'_>, probes: &Probes) -> TokenStream {
    let mut extras = Extras::default();
    of_arguments(plan, &Names { bind: false }, &mut extras);
    of_value(plan, probes, &mut extras.chain);
    extras.chain
}

/// Closures over the value may mention arguments that the body has consumed by then: they see a copy.
fn keep_arguments(plan: &Plan<'_>, later: &TokenStream, extras: &mut Extras) {
    for param in &plan.analysis.params {
        let is_reference = matches!(types::bare(&param.ty), Type::Reference(_));
        if !matches!(param.pattern, Pattern::Name)
            || is_reference
            || !scan::mentions(later.clone(), &param.ident.to_string())
        {
            continue;
        }
        let ident = &param.ident;
        let kept = format_ident!("kept{}", param.position, span = Span::mixed_site());
        extras.before.extend(quote_spanned!(ours(ident.span())=> let #kept = ::core::clone::Clone::clone(&#ident);));
        extras.after.extend(quote_spanned!(Span::mixed_site()=> let #ident = #kept; let _ = &#ident;));
    }
}

/// Whether values get a name before the body, or stand in the chain.
struct Names {
    bind: bool,
}

impl Names {
    fn value(&self, name: &str, value: TokenStream, before: &mut TokenStream) -> TokenStream {
        if !self.bind {
            return value;
        }
        let name = Ident::new(name, Span::mixed_site());
        before.extend(quote_spanned!(Span::mixed_site()=> let #name = #value;));
        name.into_token_stream()
    }
}

fn of_arguments(plan: &Plan<'_>, names: &Names, extras: &mut Extras) {
    let Extras { before, chain, .. } = extras;
    if !plan.dependency.is_empty() {
        chain.extend(quote_spanned!(Span::mixed_site()=> .depends(&depends)));
    }
    match &plan.freshness {
        Freshness::Expiring { ttl: Lifetime::Expr(expr), .. } => {
            let ttl = names.value("ttl", given_ttl(plan, expr), before);
            chain.extend(quote_spanned!(Span::mixed_site()=> .ttl(#ttl)));
        }
        Freshness::Expiring { ttl: ttl @ Lifetime::Fixed(_), .. } if plan.cache().is_some() => {
            let ttl = lifetime(plan, ttl);
            chain.extend(quote_spanned!(Span::mixed_site()=> .ttl(#ttl)));
        }
        _ => {}
    }
    if plan.cache().is_some() {
        of_constants(plan, chain);
    }
    for (at, (expr, several)) in plan.tags.of_arguments.iter().enumerate() {
        let tags = argument_tags(plan, expr, *several);
        let tags = names.value(&format!("tags{at}"), tags, before);
        chain.extend(quote_spanned!(Span::mixed_site()=> .tags(#tags)));
    }
    if let Stored::WithErrors { cache_err, err_ttl } = &plan.stored {
        if let Some(given) = err_ttl {
            let ttl = names.value("err_ttl", lifetime(plan, &given.value), before);
            let word = method("err_ttl", &given.word);
            chain.extend(quote_spanned!(Span::mixed_site()=> .#word(#ttl)));
        } else if let Some(word) = cache_err {
            let word = method("cache_err", word);
            chain.extend(quote_spanned!(Span::mixed_site()=> .#word()));
        }
    }
    if let Some(given) = &plan.none_ttl {
        let ttl = names.value("none_ttl", lifetime(plan, &given.value), before);
        let word = method("none_ttl", &given.word);
        chain.extend(quote_spanned!(Span::mixed_site()=> .#word(#ttl)));
    }
}

/// What a cache object does not know of the function.
fn of_constants(plan: &Plan<'_>, chain: &mut TokenStream) {
    if let Freshness::Expiring { jitter: Some(jitter), .. } | Freshness::Inherited { jitter } = &plan.freshness {
        let jitter = site::jitter(plan, jitter);
        chain.extend(quote_spanned!(Span::mixed_site()=> .jitter(#jitter)));
    }
    if plan.if_absent {
        chain.extend(quote_spanned!(Span::mixed_site()=> .if_absent()));
    }
}

/// The method of an option, at the option's word: its bounds speak there.
fn method(name: &str, word: &Ident) -> Ident {
    Ident::new(name, ours(word.span()))
}

/// At the user's expression: what is wrong with its type is reported there.
fn argument_tags(plan: &Plan<'_>, expr: &Expr, several: bool) -> TokenStream {
    let span = ours(expr.span());
    let (private, expr) = (at(span, &plan.private), unmoved(&plan.analysis, expr));
    if several { quote_spanned!(span=> #private::tags(#expr)) } else { quote_spanned!(span=> #private::tags([#expr])) }
}

fn given_ttl(plan: &Plan<'_>, expr: &Expr) -> TokenStream {
    let (private, expr) = (&plan.private, unmoved(&plan.analysis, expr));
    quote_spanned!(Span::mixed_site()=> #private::ttl(#expr))
}

fn lifetime(plan: &Plan<'_>, lifetime: &Lifetime) -> TokenStream {
    match lifetime {
        Lifetime::Fixed(millis) => {
            let private = &plan.private;
            quote!(#private::ttl(::core::time::Duration::from_millis(#millis)))
        }
        Lifetime::Expr(expr) | Lifetime::PerValue(expr) => given_ttl(plan, expr),
    }
}

fn of_value(plan: &Plan<'_>, probes: &Probes, chain: &mut TokenStream) {
    let (private, kind) = (&plan.private, kind(plan, probes));
    if let Freshness::Expiring { ttl: Lifetime::PerValue(closure), .. } = &plan.freshness {
        let (span, private) = (ours(closure.span()), at(ours(closure.span()), private));
        let of = quote_spanned!(span=> #private::ttl_of(#kind, #closure));
        chain.extend(quote_spanned!(Span::mixed_site()=> .ttl_of(&#of)));
    }
    for tags in &plan.tags.of_value {
        let (span, private) = (ours(tags.span()), at(ours(tags.span()), private));
        let of = quote_spanned!(span=> #private::tags_of(#kind, #tags));
        chain.extend(quote_spanned!(Span::mixed_site()=> .tags_of(&#of)));
    }
    if let Capacity::Bounded { weight: Some(weight), .. } = &plan.capacity {
        let weigh = &weight.weigh;
        chain.extend(quote_spanned!(Span::mixed_site()=> .weigh(&#weigh)));
    }
}
