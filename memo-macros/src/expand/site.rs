//! The static descriptor of a function: its options as far as they are known when it is compiled.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::{at, ours};
use crate::options::{Bound, Jitter, Lifetime, Policy, is_memory};
use crate::plan::{Capacity, Face, Freshness, Outside, Plan, Timeout, Version, Wait, Windows};

/// `P::site!(…)`: the static of the function.
pub(super) fn site(plan: &Plan<'_>) -> TokenStream {
    let (private, name, options) = (&plan.private, plan.analysis.name(), options(plan, Checked::Yes));
    quote_spanned!(Span::mixed_site()=> #private::site!(#name, #options);)
}

/// Checks what can be checked of literals only in the runtime's crate, which knows the stores and codecs that it was built with.
pub(super) fn checks(plan: &Plan<'_>) -> TokenStream {
    let Some(Outside { urls, codec, .. }) = plan.outside() else { return TokenStream::new() };
    let urls = urls.iter().filter(|url| !is_memory(url)).map(|url| ("url", url));
    let literals = urls.chain(codec.iter().map(|codec| ("codec", codec)));
    let checks = literals.map(|(check, literal)| {
        let span = ours(literal.span());
        let (private, check) = (at(span, &plan.private), Ident::new(check, span));
        quote_spanned!(span=> const _: () = #private::stored::#check(#literal);)
    });
    checks.collect()
}

/// `P::declaration!(…)`: how a sibling names the same function.
pub(super) fn declaration(plan: &Plan<'_>) -> TokenStream {
    let (private, name, options) = (&plan.private, plan.analysis.name(), options(plan, Checked::No));
    quote_spanned!(Span::mixed_site()=> #private::declaration!(#name, #options);)
}

/// Whether constants of the user's are checked: one place reports what is wrong with them.
#[derive(Clone, Copy, PartialEq)]
enum Checked {
    Yes,
    No,
}

fn options(plan: &Plan<'_>, checked: Checked) -> TokenStream {
    let private = &plan.private;
    let mut fields = Vec::new();
    freshness(plan, &mut fields);
    capacity(plan, checked, &mut fields);
    windows(plan, &mut fields);
    waiting(plan, &mut fields);
    rest(plan, &mut fields);
    if fields.is_empty() {
        quote!(#private::Options::NEW)
    } else {
        quote!(#private::Options { #(#fields,)* ..#private::Options::NEW })
    }
}

fn freshness(plan: &Plan<'_>, fields: &mut Vec<TokenStream>) {
    let private = &plan.private;
    // In a cache object, where all that its own options don't say comes with every value.
    if plan.cache().is_some() {
        return;
    }
    let Freshness::Expiring { ttl, sliding, jitter } = &plan.freshness else {
        return;
    };
    if let Lifetime::Fixed(millis) = ttl {
        fields.push(quote!(ttl: #private::millis(#millis)));
    }
    if *sliding {
        fields.push(quote!(sliding: true));
    }
    if let Some(jitter) = jitter {
        let jitter = self::jitter(plan, jitter);
        fields.push(quote!(jitter: #jitter));
    }
}

pub(super) fn jitter(plan: &Plan<'_>, jitter: &Jitter) -> TokenStream {
    let private = &plan.private;
    match jitter {
        Jitter::Millis(millis) => quote!(#private::Jitter::Millis(#millis)),
        Jitter::Fraction(fraction) => quote!(#private::Jitter::Fraction(#fraction)),
    }
}

fn capacity(plan: &Plan<'_>, checked: Checked, fields: &mut Vec<TokenStream>) {
    let private = &plan.private;
    let Capacity::Bounded { entries, weight, policy } = &plan.capacity else {
        return;
    };
    if let Some(entries) = entries {
        let bound = bound(private, entries, checked);
        fields.push(quote!(max_entries: ::core::option::Option::Some(#bound)));
    }
    if let Some(weight) = weight {
        let bound = bound(private, &weight.bound, checked);
        fields.push(quote!(max_weight: ::core::option::Option::Some(#bound)));
    }
    if let Some(policy) = policy {
        let policy = match policy {
            Policy::S3Fifo => quote!(S3Fifo),
            Policy::Lru => quote!(Lru),
            Policy::Lfu => quote!(Lfu),
            Policy::Fifo => quote!(Fifo),
        };
        fields.push(quote!(policy: #private::Policy::#policy));
    }
}

fn bound(private: &TokenStream, bound: &Bound, checked: Checked) -> TokenStream {
    match bound {
        Bound::Fixed(bound) => quote!(#bound),
        Bound::Const(expr) if checked == Checked::Yes => {
            let span = ours(expr.span());
            let private = at(span, private);
            quote_spanned!(span=> #private::bound((#expr) as i128))
        }
        // Constants of this kind are mostly `usize`.
        Bound::Const(expr) => quote_spanned!(Span::mixed_site()=> (#expr) as u64),
    }
}

fn windows(plan: &Plan<'_>, fields: &mut Vec<TokenStream>) {
    let private = &plan.private;
    if let Some(Windows { stale_while_revalidate, stale_if_error, early_refresh }) = &plan.windows {
        fields.push(quote! {
            windows: ::core::option::Option::Some(&#private::Windows {
                stale_while_revalidate: #stale_while_revalidate,
                stale_if_error: #stale_if_error,
                early_refresh: #early_refresh,
            })
        });
    }
}

fn waiting(plan: &Plan<'_>, fields: &mut Vec<TokenStream>) {
    let private = &plan.private;
    let Wait::Joins { distributed, timeout } = &plan.wait else {
        fields.push(quote!(single_flight: #private::SingleFlight::Off));
        return;
    };
    if *distributed {
        fields.push(quote!(single_flight: #private::SingleFlight::Distributed));
    }
    if let Some(Timeout { millis, .. }) = timeout {
        fields.push(quote!(wait_timeout: #private::millis(#millis)));
    }
}

fn rest(plan: &Plan<'_>, fields: &mut Vec<TokenStream>) {
    let private = &plan.private;
    if !plan.tags.literal.is_empty() {
        let tags = &plan.tags.literal;
        fields.push(quote!(tags: &[#(#tags),*]));
    }
    if !plan.tags.of_arguments.is_empty() || !plan.tags.of_value.is_empty() {
        fields.push(quote!(value_tags: true));
    }
    if plan.if_absent && plan.cache().is_none() {
        fields.push(quote!(if_absent: true));
    }
    if plan.face == Face::PerThread {
        fields.push(quote!(scope: #private::Scope::Thread));
    }
    if plan.cache().is_some() {
        fields.push(quote!(in_caches: true));
    }
    if let Some(Outside { urls, codec, writes_back, timeout, version }) = plan.outside() {
        let codec = if let Some(codec) = codec {
            quote!(::core::option::Option::Some(#codec))
        } else {
            quote!(::core::option::Option::None)
        };
        let timeout = if let Some(millis) = timeout {
            quote!(#private::millis(#millis))
        } else {
            quote!(::core::option::Option::None)
        };
        let version = match version {
            Version::Tokens(hash) => quote!(Tokens(#hash)),
            Version::Given(number) => quote!(Given(#number)),
        };
        fields.push(quote! {
            outside: ::core::option::Option::Some(&#private::Outside {
                backends: &[#(#urls),*],
                codec: #codec,
                writes_back: #writes_back,
                timeout: #timeout,
                version: #private::Version::#version,
            })
        });
    }
    if let Some(name) = &plan.display_name {
        fields.push(quote!(display_name: ::core::option::Option::Some(#name)));
    }
}
