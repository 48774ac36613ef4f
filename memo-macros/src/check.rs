//! All rules across options, signature and body: one function each, every cause one error. No tokens are made here.

mod cache;
mod each;
mod fresh;
mod key;
mod outside;

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::Type;

use crate::errors::{Ctxt, shown};
use crate::item::{self, Function};
use crate::options::{Bound, Lifetime, OnTimeout, Options, Scope, SingleFlight, Slot};
use crate::scan;
use crate::signature::{Analysis, Form, Param};
use crate::types::{self, Borrow};

/// Where the function stands.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Site {
    Anywhere,
    TraitImpl,
}

/// Everything that is known when the rules are checked.
struct Rules<'a> {
    cx: &'a Ctxt,
    options: &'a Options,
    function: &'a Function,
    analysis: &'a Analysis<'a>,
    site: Site,
}

pub(crate) fn check(cx: &Ctxt, options: &Options, function: &Function, analysis: &Analysis<'_>, site: Site) {
    let rules = Rules { cx, options, function, analysis, site };
    rules.one_attribute();
    rules.no_const_fn();
    rules.no_variadic();
    rules.owned_output();
    rules.no_mutable_arguments();
    rules.known_names();
    rules.excluded_or_included();
    rules.key_stands_alone();
    rules.several_keys();
    rules.no_hidden_inputs();
    rules.freshness_has_ttl();
    rules.windows_have_ttl();
    rules.windows_outlast_the_ttl();
    rules.lifetimes_of_variants();
    rules.bounds_are_constant();
    rules.bounds_belong_together();
    rules.waiting();
    rules.outside_of_memory();
    rules.in_a_cache();
    rules.results_where_needed();
    rules.scope_of_futures();
    rules.handle_of_free_function();
}

impl Rules<'_> {
    fn one_attribute(&self) {
        if let Some(second) = self.function.attrs.iter().find(|attribute| item::is_memoize(attribute)) {
            self.cx.error_at(second, "`#[memoize]` stands here twice; put all options into one");
        }
    }

    fn no_const_fn(&self) {
        if let Some(word) = &self.analysis.sig.constness {
            self.cx.error(word.span, "a `const fn` can't use a cache; remove `const` or the attribute");
        }
    }

    fn no_variadic(&self) {
        if let Some(variadic) = &self.analysis.sig.variadic {
            self.cx.error_at(variadic, "a variadic function has no key; give it a fixed list of parameters");
        }
    }

    fn owned_output(&self) {
        let output = &self.analysis.output;
        match types::bare(output) {
            Type::Never(never) => self.cx.error_at(never, "a function that never returns has nothing to keep; remove the attribute"),
            Type::ImplTrait(opaque) => self.cx.error_at(
                opaque,
                "a returned `impl Trait` can't be stored, unless it is a future; name the type, or box it",
            ),
            _ => match types::first_borrow(output) {
                Some(Borrow::Reference(reference)) => self.cx.error_at(
                    reference,
                    format!(
                        "a returned reference can't be stored, it may not live as long as the entry; return an owned value, an `Arc`, or `&'static {}`",
                        shown(&reference.elem)
                    ),
                ),
                Some(Borrow::Lifetime(lifetime)) => self.cx.error_at(
                    lifetime,
                    format!("a value that borrows for `{lifetime}` can't be stored; return an owned value, or use `'static`"),
                ),
                None => {}
            },
        }
    }

    fn freshness_has_ttl(&self) {
        if self.options.is_there("ttl", &self.options.ttl) || self.options.is_there("cache", &self.options.cache) {
            return;
        }
        if let Some(word) = self.options.sliding.word() {
            self.cx.error(word.span(), "`sliding` restarts the ttl on a hit, but there is none; add `ttl = …`");
        }
        if let Some(word) = self.options.jitter.word() {
            self.cx.error(word.span(), "`jitter` is added to the ttl, but there is none; add `ttl = …`");
        }
    }

    fn lifetimes_of_variants(&self) {
        for slot in [&self.options.err_ttl, &self.options.none_ttl] {
            if let Some(given) = slot.given()
                && let Lifetime::PerValue(closure) = &given.value
            {
                self.cx.error_at(
                    closure,
                    format!(
                        "`{0}` takes a duration, like `{0} = \"5s\"`; for a closure over the value use `ttl`",
                        given.word
                    ),
                );
            }
        }
    }

    fn bounds_are_constant(&self) {
        for given in [&self.options.max_entries, &self.options.max_weight].into_iter().filter_map(Slot::given) {
            let Bound::Const(bound) = &given.value else {
                continue;
            };
            let tokens = || bound.to_token_stream();
            let mut names = self.analysis.params.iter().flat_map(Param::names);
            if let Some(name) = names.find(|name| scan::mentions(tokens(), &name.to_string())) {
                self.cx.error_at(
                    bound,
                    format!(
                        "`{0}` is the same for all calls, so it can't depend on the argument `{name}`; write a constant, like `{0} = 10_000`",
                        given.word
                    ),
                );
            }
        }
    }

    fn bounds_belong_together(&self) {
        let options = self.options;
        if options.is_there("cache", &options.cache) {
            return;
        }
        if let Some(word) = options.weigh.word()
            && !options.is_there("max_weight", &options.max_weight)
        {
            self.cx.error(word.span(), "`weigh` needs a bound to hold; add `max_weight = …`");
        }
        if let Some(word) = options.max_weight.word()
            && !options.is_there("weigh", &options.weigh)
        {
            self.cx.error(word.span(), "`max_weight` needs to know what an entry weighs; add `weigh = |key, value| …`");
        }
        if let Some(word) = options.policy.word()
            && !options.is_there("max_entries", &options.max_entries)
            && !options.is_there("max_weight", &options.max_weight)
        {
            self.cx.error(
                word.span(),
                "`policy` says who goes when the cache is full, but it has no bound; add `max_entries = …`",
            );
        }
    }

    fn waiting(&self) {
        let options = self.options;
        if let Some(word) = options.on_timeout.word()
            && !options.is_there("wait_timeout", &options.wait_timeout)
        {
            self.cx.error(word.span(), "`on_timeout` needs a timeout; add `wait_timeout = …`");
        }
        if let Some(word) = options.wait_timeout.word()
            && options.single_flight.value() == Some(&SingleFlight::Off)
        {
            self.cx.error(word.span(), "nobody waits where `single_flight = false`; remove it, or `wait_timeout`");
        }
        if options.scope.value() == Some(&Scope::Thread) && !options.is_there("cache", &options.cache) {
            let is_said = |how: &SingleFlight| *how != SingleFlight::Process;
            let said = options.single_flight.given().filter(|given| is_said(&given.value)).map(|given| &given.word);
            for word in said.into_iter().chain(options.wait_timeout.word()) {
                let message = format!(
                    "with `scope = \"thread\"` no caller waits for another, so `{word}` has nothing to say; remove one of them"
                );
                self.cx.error(word.span(), message);
            }
        }
    }

    fn results_where_needed(&self) {
        let (options, output) = (self.options, &self.analysis.output);
        let returns = format!("`{}` returns `{}`", self.analysis.name(), shown(output));
        let no_result = types::is_certainly_not(output, "Result");
        let err_words = [options.cache_err.word(), options.err_ttl.word()];
        for word in err_words.into_iter().flatten().filter(|_| no_result) {
            self.cx.error(word.span(), format!("`{word}` is for functions that return a `Result`, but {returns}"));
        }
        if let Some(given) = options.on_timeout.given()
            && given.value == OnTimeout::Fail
            && no_result
        {
            self.cx.error(
                given.word.span(),
                format!("`on_timeout = \"fail\"` needs a `Result` whose error is `From<memo::Error>`, but {returns}; use \"run\""),
            );
        }
        if let Some(word) = options.none_ttl.word()
            && is_certainly_no_option(self.stored_output())
        {
            self.cx.error(word.span(), format!("`none_ttl` is for functions that return an `Option`, but {returns}"));
        }
    }

    /// What is stored of the output, as far as it is written.
    fn stored_output(&self) -> &Type {
        let output = &self.analysis.output;
        let collected = types::collected(output).filter(|_| self.options.each.is_given());
        collected.map_or(output, |collected| collected.value)
    }

    fn scope_of_futures(&self) {
        let Some(given) = self.options.scope.given().filter(|_| !self.options.is_there("cache", &self.options.cache))
        else {
            return;
        };
        if given.value == Scope::Thread && self.analysis.is_async() {
            let what = match self.analysis.form {
                Form::AsyncFn => "an `async fn`",
                _ => "a returned future",
            };
            self.cx.error(
                given.word.span(),
                format!("{what} can move between threads, so it can't use `scope = \"thread\"`; remove the option"),
            );
        }
    }

    fn handle_of_free_function(&self) {
        let Some(given) = self.options.handle.given() else {
            return;
        };
        let span: Span = given.word.span();
        if self.analysis.receiver.is_some() || self.site == Site::TraitImpl {
            self.cx.error(
                span,
                "`handle` is for free functions; a method is reached through its type, which can be exported",
            );
        }
    }
}

fn is_certainly_no_option(output: &Type) -> bool {
    if let Some(last) = types::last_segment(output).filter(|last| last.ident == "Result") {
        return types::type_arguments(last).first().is_some_and(|inner| types::is_certainly_not(inner, "Option"));
    }
    types::is_certainly_not(output, "Option")
}
