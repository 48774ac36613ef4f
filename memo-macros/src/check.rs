//! All rules across options, signature and body: one function each, every cause one error. No tokens are made here.

use proc_macro2::{Ident, Span};
use quote::ToTokens as _;
use syn::Type;

use crate::errors::Ctxt;
use crate::item::Function;
use crate::options::{Lifetime, OnTimeout, Options, Scope};
use crate::scan;
use crate::signature::{Analysis, Form, Param, Pattern};
use crate::suggest::did_you_mean;
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

pub(crate) fn check(
    cx: &Ctxt,
    options: &Options,
    function: &Function,
    analysis: &Analysis<'_>,
    site: Site,
) {
    let rules = Rules {
        cx,
        options,
        function,
        analysis,
        site,
    };
    rules.no_const_fn();
    rules.no_variadic();
    rules.owned_output();
    rules.no_mutable_arguments();
    rules.known_names();
    rules.excluded_or_included();
    rules.key_stands_alone();
    rules.no_hidden_inputs();
    rules.freshness_has_ttl();
    rules.lifetimes_of_variants();
    rules.bounds_belong_together();
    rules.waiting();
    rules.results_where_needed();
    rules.scope_of_futures();
    rules.handle_of_free_function();
}

impl Rules<'_> {
    fn no_const_fn(&self) {
        if let Some(word) = &self.analysis.sig.constness {
            self.cx.error(
                word.span,
                "a `const fn` can't use a cache; remove `const` or the attribute",
            );
        }
    }

    fn no_variadic(&self) {
        if let Some(variadic) = &self.analysis.sig.variadic {
            self.cx.error_at(
                variadic,
                "a variadic function has no key; give it a fixed list of parameters",
            );
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
                        reference.elem.to_token_stream()
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

    fn no_mutable_arguments(&self) {
        for param in &self.analysis.params {
            let named = self.is_excluded(param) || param.is_underscored() || param.is_connection();
            if param.is_mutable_reference() && !named && !self.options.key.is_given() {
                let name = shown(param);
                self.cx.error_at(
                    &param.ty,
                    format!(
                        "`{name}` is a `&mut` argument: a hit would leave it unchanged, so it can't be part of the key; say `exclude({name})`, or take it by `&`"
                    ),
                );
            }
            let included = self
                .options
                .include
                .iter()
                .find(|place| !place.is_field && param.is_called(&place.root));
            if let Some(place) = included.filter(|_| param.is_mutable_reference()) {
                self.cx.error(
                    place.root.span(),
                    "a `&mut` argument can't be part of the key; include a field of it",
                );
            }
        }
    }

    fn known_names(&self) {
        for name in &self.options.exclude {
            self.known_name("exclude", name);
        }
        for place in &self.options.include {
            self.known_name("include", &place.root);
        }
    }

    fn known_name(&self, option: &str, name: &Ident) {
        if name == "self" {
            if self.analysis.receiver.is_none() {
                self.cx.error(
                    name.span(),
                    format!("`{}` has no `self` to {option}", self.analysis.name()),
                );
            }
            return;
        }
        if self
            .analysis
            .params
            .iter()
            .any(|param| param.is_called(name))
        {
            return;
        }
        let part = self
            .analysis
            .params
            .iter()
            .find(|param| param.names().contains(name));
        if let Some(Pattern::Destructured(pattern, _)) = part.map(|param| &param.pattern) {
            let pattern = pattern.to_token_stream();
            self.cx.error(
                name.span(),
                format!("`{name}` is only a part of the parameter `{pattern}`; give the parameter a name and take it apart in the body"),
            );
            return;
        }
        let params: Vec<String> = self
            .analysis
            .params
            .iter()
            .flat_map(Param::names)
            .map(ToString::to_string)
            .collect();
        let message = match did_you_mean(&name.to_string(), params.iter().map(String::as_str)) {
            Some(near) => format!(
                "`{name}` is no parameter of `{}`, did you mean `{near}`?",
                self.analysis.name()
            ),
            None if params.is_empty() => format!(
                "`{name}` is no parameter of `{}`, which has none",
                self.analysis.name()
            ),
            None => format!(
                "`{name}` is no parameter of `{}`; it has `{}`",
                self.analysis.name(),
                params.join("`, `")
            ),
        };
        self.cx.error(name.span(), message);
    }

    fn excluded_or_included(&self) {
        for place in &self.options.include {
            if self.options.exclude.contains(&place.root)
                && (!place.is_field || place.root == "self")
            {
                let name = &place.root;
                self.cx.error(
                    name.span(),
                    format!("`{name}` is both excluded and included; keep one of the two"),
                );
            }
        }
    }

    fn key_stands_alone(&self) {
        if !self.options.key.is_given() {
            return;
        }
        for place in &self.options.include {
            let text = place.expr.to_token_stream();
            self.cx.error_at(&place.expr, format!("`key` replaces the whole key, so `{text}` can't be included; write it into `key = (…)`"));
        }
        for name in self.options.exclude.iter().filter(|name| *name != "self") {
            self.cx.error(name.span(), format!("`key` replaces the whole key, so there is nothing to exclude; remove `{name}` here"));
        }
    }

    fn no_hidden_inputs(&self) {
        if self.options.key.is_given() {
            return;
        }
        let named = |name: &Ident| {
            self.options.exclude.contains(name)
                || self.options.include.iter().any(|place| place.root == *name)
        };
        for param in self
            .analysis
            .params
            .iter()
            .filter(|param| param.is_underscored())
        {
            for name in param.names().iter().filter(|name| !named(name)) {
                if scan::mentions(self.function.body.stream(), &name.to_string()) {
                    self.cx.error(
                        name.span(),
                        format!("`{name}` starts with `_`, so it is left out of the key, but the body uses it: rename it, or say `include({name})` or `exclude({name})`"),
                    );
                }
            }
        }
    }

    fn freshness_has_ttl(&self) {
        if self.options.ttl.is_given() {
            return;
        }
        if let Some(word) = self.options.sliding.word() {
            self.cx.error(
                word.span(),
                "`sliding` restarts the ttl on a hit, but there is none; add `ttl = …`",
            );
        }
        if let Some(word) = self.options.jitter.word() {
            self.cx.error(
                word.span(),
                "`jitter` is added to the ttl, but there is none; add `ttl = …`",
            );
        }
    }

    fn lifetimes_of_variants(&self) {
        for slot in [&self.options.err_ttl, &self.options.none_ttl] {
            if let Some(given) = slot.given()
                && let Lifetime::PerValue(closure) = &given.value
            {
                self.cx.error_at(
                    closure,
                    format!("`{0}` takes a duration, like `{0} = \"5s\"`; for a closure over the value use `ttl`", given.word),
                );
            }
        }
    }

    fn bounds_belong_together(&self) {
        let options = self.options;
        if let Some(word) = options.weigh.word()
            && !options.max_weight.is_given()
        {
            self.cx.error(
                word.span(),
                "`weigh` needs a bound to hold; add `max_weight = …`",
            );
        }
        if let Some(word) = options.max_weight.word()
            && !options.weigh.is_given()
        {
            self.cx.error(
                word.span(),
                "`max_weight` needs to know what an entry weighs; add `weigh = |key, value| …`",
            );
        }
        if let Some(word) = options.policy.word()
            && !options.max_entries.is_given()
            && !options.max_weight.is_given()
        {
            self.cx.error(word.span(), "`policy` says who goes when the cache is full, but it has no bound; add `max_entries = …`");
        }
    }

    fn waiting(&self) {
        let options = self.options;
        if let Some(word) = options.on_timeout.word()
            && !options.wait_timeout.is_given()
        {
            self.cx.error(
                word.span(),
                "`on_timeout` needs a timeout; add `wait_timeout = …`",
            );
        }
        if let Some(word) = options.wait_timeout.word()
            && options.single_flight.value() == Some(&false)
        {
            self.cx.error(
                word.span(),
                "nobody waits where `single_flight = false`; remove it, or `wait_timeout`",
            );
        }
    }

    fn results_where_needed(&self) {
        let (options, output) = (self.options, &self.analysis.output);
        let returns = format!(
            "`{}` returns `{}`",
            self.analysis.name(),
            output.to_token_stream()
        );
        let no_result = types::is_certainly_not(output, "Result");
        let err_words = [options.cache_err.word(), options.err_ttl.word()];
        for word in err_words.into_iter().flatten().filter(|_| no_result) {
            self.cx.error(
                word.span(),
                format!("`{word}` is for functions that return a `Result`, but {returns}"),
            );
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
            && is_certainly_no_option(output)
        {
            self.cx.error(
                word.span(),
                format!("`none_ttl` is for functions that return an `Option`, but {returns}"),
            );
        }
    }

    fn scope_of_futures(&self) {
        let Some(given) = self.options.scope.given() else {
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
            self.cx.error(span, "`handle` is for free functions; a method is reached through its type, which can be exported");
        }
    }

    fn is_excluded(&self, param: &Param) -> bool {
        self.options
            .exclude
            .iter()
            .any(|name| param.is_called(name))
    }
}

fn is_certainly_no_option(output: &Type) -> bool {
    if let Some(last) = types::last_segment(output).filter(|last| last.ident == "Result") {
        return types::type_arguments(last)
            .first()
            .is_some_and(|inner| types::is_certainly_not(inner, "Option"));
    }
    types::is_certainly_not(output, "Option")
}

/// The parameter as the user calls it.
fn shown(param: &Param) -> String {
    match &param.pattern {
        Pattern::Destructured(pattern, _) => pattern.to_token_stream().to_string(),
        Pattern::Name | Pattern::Wild => param.ident.to_string(),
    }
}
