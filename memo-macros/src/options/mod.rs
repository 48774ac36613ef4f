//! The options of `#[memoize(…)]`: what each one may hold, and the loop that reads them.

mod cache;
mod duration;
mod fresh;
mod keys;
mod outside;
mod slot;
mod tags;
mod values;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, LitStr, Token};

pub(crate) use keys::Place;
pub(crate) use outside::{Backends, Version, Write, is_memory};
pub(crate) use slot::{Given, Slot};
pub(crate) use tags::Tag;
pub(crate) use values::{Bound, Jitter, Lifetime, OnTimeout, Policy, Scope, SingleFlight};

use crate::errors::Ctxt;
use crate::suggest::did_you_mean;

/// Every option, in the order of the documentation.
pub(crate) const NAMES: &[&str] = &[
    "ttl",
    "sliding",
    "jitter",
    "max_entries",
    "max_weight",
    "weigh",
    "policy",
    "key",
    "exclude",
    "include",
    "each",
    "cache_if",
    "validate",
    "cache_err",
    "err_ttl",
    "none_ttl",
    "tag",
    "tags",
    "if_absent",
    "backend",
    "write",
    "backend_timeout",
    "cache",
    "codec",
    "version",
    "stale_while_revalidate",
    "stale_if_error",
    "early_refresh",
    "dependency",
    "single_flight",
    "wait_timeout",
    "on_timeout",
    "scope",
    "name",
    "crate",
    "handle",
];

/// What the user wrote. Options that may repeat are lists; all others are set once.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) ttl: Slot<Lifetime>,
    pub(crate) sliding: Slot<()>,
    pub(crate) jitter: Slot<Jitter>,
    pub(crate) max_entries: Slot<Bound>,
    pub(crate) max_weight: Slot<Bound>,
    pub(crate) weigh: Slot<Expr>,
    pub(crate) policy: Slot<Policy>,
    pub(crate) key: Slot<Expr>,
    pub(crate) exclude: Vec<Ident>,
    pub(crate) include: Vec<Place>,
    /// The parameter with the keys of one call.
    pub(crate) each: Slot<Ident>,
    pub(crate) cache_if: Vec<Expr>,
    pub(crate) validate: Vec<Expr>,
    pub(crate) cache_err: Slot<()>,
    pub(crate) err_ttl: Slot<Lifetime>,
    pub(crate) none_ttl: Slot<Lifetime>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) if_absent: Slot<()>,
    pub(crate) backend: Slot<Backends>,
    pub(crate) write: Slot<Write>,
    pub(crate) backend_timeout: Slot<u64>,
    /// The object that holds the entries.
    pub(crate) cache: Slot<Expr>,
    pub(crate) codec: Slot<LitStr>,
    pub(crate) version: Slot<Version>,
    /// How old a value may be, in milliseconds.
    pub(crate) stale_while_revalidate: Slot<u64>,
    pub(crate) stale_if_error: Slot<u64>,
    /// β.
    pub(crate) early_refresh: Slot<f64>,
    /// Probes over the arguments.
    pub(crate) dependency: Vec<Expr>,
    pub(crate) single_flight: Slot<SingleFlight>,
    pub(crate) wait_timeout: Slot<u64>,
    pub(crate) on_timeout: Slot<OnTimeout>,
    pub(crate) scope: Slot<Scope>,
    pub(crate) name: Slot<LitStr>,
    /// The path of the `memo` crate.
    pub(crate) krate: Slot<TokenStream>,
    pub(crate) handle: Slot<Ident>,
    /// What unknown options were probably meant to be.
    misspelt: Vec<&'static str>,
}

impl Options {
    /// Reads all options. A wrong one is reported and skipped, so that the next one is still read.
    pub(crate) fn parse(cx: &Ctxt, tokens: TokenStream) -> Self {
        let mut options = Self::default();
        let read = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = options.option(cx, input).and_then(|()| separator(input)) {
                    cx.push(error);
                    skip_to_next(input);
                }
            }
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            cx.push(error);
        }
        options
    }

    fn option(&mut self, cx: &Ctxt, input: ParseStream<'_>) -> syn::Result<()> {
        if !input.peek(syn::Ident::peek_any) {
            return Err(input.error("expected an option such as `ttl = 300`"));
        }
        let word = input.call(Ident::parse_any)?;
        match word.to_string().as_str() {
            "ttl" => self.ttl.set(cx, &word, input, Lifetime::parse),
            "sliding" => self.sliding.set(cx, &word, input, values::flag),
            "jitter" => self.jitter.set(cx, &word, input, Jitter::parse),
            "max_entries" => self.max_entries.set(cx, &word, input, Bound::parse),
            "max_weight" => self.max_weight.set(cx, &word, input, Bound::parse),
            "weigh" => self.weigh.set(cx, &word, input, values::weigh),
            "policy" => self.policy.set(cx, &word, input, Policy::parse),
            "key" => self.key.set(cx, &word, input, keys::key),
            "exclude" => keys::exclude(&word, input).map(|names| self.exclude.extend(names)),
            "include" => keys::include(&word, input).map(|places| self.include.extend(places)),
            "cache_if" => {
                values::test(&word, input, "cache_if = |value| value.is_some()").map(|test| self.cache_if.push(test))
            }
            "validate" => values::test(&word, input, "validate = |entry| entry.age() < LIMIT")
                .map(|test| self.validate.push(test)),
            "tag" => tags::one(&word, input).map(|tag| self.tags.push(tag)),
            "tags" => tags::many(&word, input).map(|tags| self.tags.extend(tags)),
            _ => self.rare_option(cx, &word, input),
        }
    }

    fn rare_option(&mut self, cx: &Ctxt, word: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match word.to_string().as_str() {
            "each" => self.each.set(cx, word, input, keys::each),
            "cache_err" => self.cache_err.set(cx, word, input, values::flag),
            "err_ttl" => self.err_ttl.set(cx, word, input, Lifetime::parse),
            "none_ttl" => self.none_ttl.set(cx, word, input, Lifetime::parse),
            "if_absent" => self.if_absent.set(cx, word, input, values::flag),
            "backend" => self.backend.set(cx, word, input, Backends::parse),
            "write" => self.write.set(cx, word, input, Write::parse),
            "backend_timeout" => self.backend_timeout.set(cx, word, input, values::timeout),
            "cache" => self.cache.set(cx, word, input, cache::cache),
            "codec" => self.codec.set(cx, word, input, outside::codec),
            "version" => self.version.set(cx, word, input, Version::parse),
            "stale_while_revalidate" => self.stale_while_revalidate.set(cx, word, input, fresh::window),
            "stale_if_error" => self.stale_if_error.set(cx, word, input, fresh::window),
            "early_refresh" => self.early_refresh.set(cx, word, input, fresh::beta),
            "dependency" => fresh::dependency(word, input).map(|probe| self.dependency.push(probe)),
            "single_flight" => self.single_flight.set(cx, word, input, SingleFlight::parse),
            "wait_timeout" => self.wait_timeout.set(cx, word, input, values::timeout),
            "on_timeout" => self.on_timeout.set(cx, word, input, OnTimeout::parse),
            "scope" => self.scope.set(cx, word, input, Scope::parse),
            "name" => self.name.set(cx, word, input, values::name),
            "crate" => self.krate.set(cx, word, input, values::krate),
            "handle" => self.handle.set(cx, word, input, values::handle),
            unknown => {
                let meant = did_you_mean(unknown, NAMES.iter().copied());
                self.misspelt.extend(meant);
                Err(syn::Error::new(word.span(), unknown_option(unknown, meant)))
            }
        }
    }

    /// Whether the option is there, if only misspelt: nobody needs to be told that it is missing, too.
    pub(crate) fn is_there<T>(&self, name: &str, slot: &Slot<T>) -> bool {
        slot.is_given() || self.misspelt.contains(&name)
    }

    /// The path under which generated code finds the runtime.
    pub(crate) fn private(&self) -> TokenStream {
        self.krate.value().map_or_else(|| quote!(::memo::__private), |path| quote!(#path::__private))
    }
}

fn unknown_option(name: &str, meant: Option<&str>) -> String {
    match meant {
        Some(known) => format!("unknown option `{name}`, did you mean `{known}`?"),
        None => format!("unknown option `{name}`; the options are `{}`", NAMES.join("`, `")),
    }
}

fn separator(input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() {
        return Ok(());
    }
    if !input.peek(Token![,]) {
        return Err(input.error("expected `,` before the next option"));
    }
    input.parse::<Token![,]>().map(drop)
}

/// Skips to behind the comma that an option follows: a word, then `=`, `(`, a comma or the end.
fn skip_to_next(input: ParseStream<'_>) {
    if input.peek(Token![,]) && separator(input).is_ok() {
        return;
    }
    while !input.is_empty() {
        let at_comma = input.peek(Token![,]);
        if input.parse::<TokenTree>().is_err() {
            return;
        }
        let ahead = input.fork();
        if at_comma && ahead.call(Ident::parse_any).is_ok() && starts_value(&ahead) {
            return;
        }
    }
}

fn starts_value(input: ParseStream<'_>) -> bool {
    input.is_empty()
        || input.peek(Token![,])
        || input.peek(syn::token::Paren)
        || (input.peek(Token![=]) && !input.peek(Token![==]))
}

/// The value behind `word =`.
fn value<'a>(word: &Ident, input: ParseStream<'a>, example: &str) -> syn::Result<ParseStream<'a>> {
    if !input.peek(Token![=]) || input.peek(Token![==]) {
        return Err(syn::Error::new(word.span(), format!("`{word}` needs a value: `{example}`")));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(word.span(), format!("`{word}` needs a value: `{example}`")));
    }
    Ok(input)
}

/// The expression without parentheses and without the invisible groups that `macro_rules!` leaves.
pub(crate) fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => bare(&group.expr),
        Expr::Paren(paren) => bare(&paren.expr),
        other => other,
    }
}

#[cfg(test)]
mod tests;
