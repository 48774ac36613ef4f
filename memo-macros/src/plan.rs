//! Lowering: options and analysis become a plan in which contradictions can't be written down.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens as _;
use syn::{Expr, LitStr, Type};

use crate::check::Site;
use crate::item::Function;
use crate::options::{
    self, Backends, Bound, Given, Jitter, Lifetime, OnTimeout, Options, Place, Policy, Scope, SingleFlight, Slot, Tag,
};
use crate::scan;
use crate::signature::{Analysis, Form, Param, Pattern};
use crate::tokens;
use crate::types::{self, Collected};

/// What is generated for one function.
pub(crate) struct Plan<'a> {
    pub(crate) function: &'a Function,
    pub(crate) analysis: Analysis<'a>,
    /// The path of `memo::__private`.
    pub(crate) private: TokenStream,
    pub(crate) face: Face,
    pub(crate) key: Key,
    /// Several keys are computed at once.
    pub(crate) each: Option<Each>,
    pub(crate) stored: Stored,
    pub(crate) freshness: Freshness,
    pub(crate) windows: Option<Windows>,
    pub(crate) none_ttl: Option<Given<Lifetime>>,
    pub(crate) capacity: Capacity,
    pub(crate) tags: Tags,
    pub(crate) cache_if: Vec<Expr>,
    pub(crate) validate: Vec<Expr>,
    /// Probes: entries are of use as long as none of them has changed.
    pub(crate) dependency: Vec<Expr>,
    pub(crate) if_absent: bool,
    pub(crate) wait: Wait,
    pub(crate) display_name: Option<LitStr>,
    pub(crate) handle: Option<Ident>,
    pub(crate) entries: Entries,
    /// The function is known to have a `Self`.
    pub(crate) has_self: bool,
    /// The body uses `self`, and the options don't say what that means for the key.
    pub(crate) unmentioned_receiver: Option<Span>,
}

/// Where entries live.
pub(crate) enum Entries {
    Memory,
    Stores(Outside),
    /// In an object that the expression gives.
    Cache(Box<Expr>),
}

/// Stores outside of memory.
pub(crate) struct Outside {
    pub(crate) urls: Vec<LitStr>,
    pub(crate) codec: Option<LitStr>,
    pub(crate) writes_back: bool,
    /// Milliseconds.
    pub(crate) timeout: Option<u64>,
    pub(crate) version: Version,
}

/// What the entries of a function depend on, beside the shape of their type.
pub(crate) enum Version {
    /// A hash of signature, body and key.
    Tokens(u128),
    Given(String),
}

/// Which machinery runs the call. A store per thread serves blocking functions only.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Face {
    Blocking,
    PerThread,
    Future(FutureForm),
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum FutureForm {
    AsyncFn,
    Opaque,
    Boxed,
}

/// What the key is made of.
pub(crate) enum Key {
    /// Parameters and places.
    Arguments(Vec<Part>),
    /// The user's own key: its elements.
    Computed(Vec<Expr>),
}

/// One part of a key made of arguments.
pub(crate) enum Part {
    Param(Param),
    /// Left out if its type can't be a key.
    ParamIfKey(Param),
    Place(Place),
}

/// The keys of one call.
pub(crate) struct Each {
    /// The parameter that they are in: in the analysis, which is about one key, it is one of them.
    pub(crate) param: Param,
    /// They are references: a map knows them by what is behind.
    pub(crate) are_references: bool,
}

/// What an entry holds.
pub(crate) enum Stored {
    /// The value inside a `Result`, or the return value.
    Value,
    /// The return value, as it is.
    Open,
    /// The whole `Result`.
    WithErrors { cache_err: Option<Ident>, err_ttl: Option<Box<Given<Lifetime>>> },
}

/// What becomes of values that are not fresh.
pub(crate) struct Windows {
    /// Milliseconds; 0: none.
    pub(crate) stale_while_revalidate: u64,
    pub(crate) stale_if_error: u64,
    /// β; 0: none.
    pub(crate) early_refresh: f64,
}

/// How long entries live.
pub(crate) enum Freshness {
    Forever,
    /// As long as the cache object says, and up to that much longer.
    Inherited {
        jitter: Jitter,
    },
    Expiring {
        ttl: Lifetime,
        sliding: bool,
        jitter: Option<Jitter>,
    },
}

/// How much the store may hold.
pub(crate) enum Capacity {
    Unbounded,
    Bounded { entries: Option<Bound>, weight: Option<Box<Weight>>, policy: Option<Policy> },
}

/// A bound by weight, and what an entry weighs.
pub(crate) struct Weight {
    pub(crate) bound: Bound,
    pub(crate) weigh: Expr,
}

/// How callers wait for each other's runs.
pub(crate) enum Wait {
    /// Nobody waits.
    Never,
    /// `distributed`: other processes are waited for, too.
    Joins { distributed: bool, timeout: Option<Timeout> },
}

/// How long, in milliseconds, and whether the call fails then.
pub(crate) struct Timeout {
    pub(crate) millis: u64,
    pub(crate) fail: bool,
}

/// Tags by when they are known.
#[derive(Default)]
pub(crate) struct Tags {
    pub(crate) literal: Vec<LitStr>,
    /// Expressions over the arguments, and whether each gives several.
    pub(crate) of_arguments: Vec<(Expr, bool)>,
    pub(crate) of_value: Vec<Expr>,
}

impl<'a> Plan<'a> {
    /// Lowers options that `check` found no fault with.
    pub(crate) fn new(function: &'a Function, mut analysis: Analysis<'a>, options: Options, site: Site) -> Self {
        let private = options.private();
        let has_self = site == Site::TraitImpl || has_self(function);
        let unmentioned_receiver = unmentioned_receiver(function, &analysis, &options);
        let face = face(&analysis, options.scope.value());
        let each = options.each.value().and_then(|name| each(&mut analysis, name));
        // For a key that a map lacks there is nothing to keep: what it gives for one is known to be a `Result`.
        let is_open_one = |of: Collected<'_>| !of.is_map && !of.is_in_result && analysis.is_open(of.value);
        let collected = types::collected(&analysis.output).filter(|_| each.is_some());
        let is_open = collected.map_or_else(|| analysis.is_output_open(), is_open_one);
        let stored = match (options.cache_err.into_given(), options.err_ttl.into_given()) {
            (None, None) if is_open => Stored::Open,
            (None, None) => Stored::Value,
            (cache_err, err_ttl) => {
                Stored::WithErrors { cache_err: cache_err.map(|given| given.word), err_ttl: err_ttl.map(Box::new) }
            }
        };
        let key = match options.key.into_value() {
            Some(expr) => Key::Computed(elements(expr)),
            None => Key::Arguments(parts(
                &analysis,
                &options.exclude,
                (options.include, each.as_ref()),
                options.cache.value(),
            )),
        };
        let freshness = match options.ttl.into_value() {
            Some(ttl) => {
                Freshness::Expiring { ttl, sliding: options.sliding.is_given(), jitter: options.jitter.into_value() }
            }
            None => options.jitter.into_value().map_or(Freshness::Forever, |jitter| Freshness::Inherited { jitter }),
        };
        let windows = Windows {
            stale_while_revalidate: options.stale_while_revalidate.into_value().unwrap_or(0),
            stale_if_error: options.stale_if_error.into_value().unwrap_or(0),
            early_refresh: options.early_refresh.into_value().unwrap_or(0.0),
        };
        let is_given = windows.stale_while_revalidate > 0 || windows.stale_if_error > 0 || windows.early_refresh > 0.0;
        let weight = options
            .max_weight
            .into_value()
            .zip(options.weigh.into_value())
            .map(|(bound, weigh)| Box::new(Weight { bound, weigh }));
        let capacity = match (options.max_entries.into_value(), weight) {
            (None, None) => Capacity::Unbounded,
            (entries, weight) => Capacity::Bounded { entries, weight, policy: options.policy.into_value() },
        };
        let fail = options.on_timeout.into_value() == Some(OnTimeout::Fail);
        let timeout = options.wait_timeout.into_value().map(|millis| Timeout { millis, fail });
        let wait = match options.single_flight.into_value() {
            Some(SingleFlight::Off) => Wait::Never,
            Some(SingleFlight::Distributed) => Wait::Joins { distributed: true, timeout },
            Some(SingleFlight::Process) | None => Wait::Joins { distributed: false, timeout },
        };
        let backend = options.backend.into_value();
        let outside = outside(
            (function, &key),
            backend,
            (options.write, options.backend_timeout),
            options.codec,
            options.version,
        );
        let entries = match options.cache.into_value() {
            Some(cache) => Entries::Cache(Box::new(cache)),
            None => outside.map_or(Entries::Memory, Entries::Stores),
        };
        Self {
            function,
            analysis,
            private,
            face,
            key,
            each,
            stored,
            freshness,
            windows: is_given.then_some(windows),
            none_ttl: options.none_ttl.into_given(),
            capacity,
            tags: tags(options.tags, matches!(entries, Entries::Cache(_))),
            cache_if: options.cache_if,
            validate: options.validate,
            dependency: options.dependency,
            if_absent: options.if_absent.is_given(),
            wait,
            display_name: options.name.into_value(),
            handle: options.handle.into_value(),
            entries,
            has_self,
            unmentioned_receiver,
        }
    }

    pub(crate) fn output(&self) -> &Type {
        &self.analysis.output
    }

    /// The stores outside of memory, if the function has any of its own.
    pub(crate) fn outside(&self) -> Option<&Outside> {
        match &self.entries {
            Entries::Stores(outside) => Some(outside),
            Entries::Memory | Entries::Cache(_) => None,
        }
    }

    /// The expression that gives the object with the entries, if they are in one.
    pub(crate) fn cache(&self) -> Option<&Expr> {
        match &self.entries {
            Entries::Cache(cache) => Some(cache),
            Entries::Memory | Entries::Stores(_) => None,
        }
    }

    /// Whether entries may stand somewhere else than in memory, which has to be waited for.
    pub(crate) fn may_be_outside(&self) -> bool {
        !matches!(self.entries, Entries::Memory)
    }

    /// Whether a call can be made once more without its caller, as far as the signature tells: by its arguments alone, which can
    /// be owned by whoever makes it.
    pub(crate) fn repeats(&self) -> bool {
        let Analysis { sig, receiver, params, .. } = &self.analysis;
        let can_be_owned = |param: &Param| {
            let is_reached = !matches!(param.pattern, Pattern::Destructured(..)) || self.is_in_key(param);
            let owned = types::behind_reference(&param.ty).unwrap_or(&param.ty);
            // What is in the key lives as long as the cache.
            let outlives = self.is_in_key(param) || !self.analysis.is_generic(owned);
            is_reached && outlives && types::is_unborrowed(owned)
        };
        let is_free = receiver.is_none() && matches!(sig.safety, syn::Safety::Default) && self.face != Face::PerThread;
        self.windows.is_some() && self.each.is_none() && is_free && params.iter().all(can_be_owned)
    }

    /// Whether entries are used without being looked at, however they are kept.
    pub(crate) fn takes_any_entry(&self) -> bool {
        self.validate.is_empty() && self.dependency.is_empty()
    }

    pub(crate) fn fails_on_timeout(&self) -> bool {
        matches!(self.wait, Wait::Joins { timeout: Some(Timeout { fail: true, .. }), .. })
    }

    /// Whether the parameter is a part of the key.
    pub(crate) fn is_in_key(&self, param: &Param) -> bool {
        let Key::Arguments(parts) = &self.key else {
            return false;
        };
        parts.iter().any(|part| match part {
            Part::Param(part) | Part::ParamIfKey(part) => part.position == param.position,
            Part::Place(_) => false,
        })
    }

    /// The user's expressions that say what the key, the cache, the tags and the lifetimes of an entry are.
    pub(crate) fn address_expressions(&self) -> TokenStream {
        let mut tokens = TokenStream::new();
        match &self.key {
            Key::Computed(elements) => elements.iter().for_each(|element| element.to_tokens(&mut tokens)),
            Key::Arguments(parts) => parts.iter().for_each(|part| {
                if let Part::Place(place) = part {
                    place.expr.to_tokens(&mut tokens);
                }
            }),
        }
        self.cache().to_tokens(&mut tokens);
        tokens.extend(self.validate.iter().map(scan::free));
        self.dependency.iter().for_each(|probe| probe.to_tokens(&mut tokens));
        tokens.extend(self.argument_expressions());
        tokens.extend(self.value_expressions());
        tokens
    }

    /// The expressions over arguments that are computed before the body.
    pub(crate) fn argument_expressions(&self) -> TokenStream {
        let mut tokens = TokenStream::new();
        let mut lifetime = |lifetime: &Lifetime| {
            if let Lifetime::Expr(expr) = lifetime {
                expr.to_tokens(&mut tokens);
            }
        };
        if let Freshness::Expiring { ttl, .. } = &self.freshness {
            lifetime(ttl);
        }
        if let Stored::WithErrors { err_ttl: Some(given), .. } = &self.stored {
            lifetime(&given.value);
        }
        if let Some(given) = &self.none_ttl {
            lifetime(&given.value);
        }
        self.tags.of_arguments.iter().for_each(|(tag, _)| tag.to_tokens(&mut tokens));
        tokens
    }

    /// The closures over the value.
    pub(crate) fn value_expressions(&self) -> TokenStream {
        let mut tokens = TokenStream::new();
        if let Freshness::Expiring { ttl: Lifetime::PerValue(closure), .. } = &self.freshness {
            tokens.extend(scan::free(closure));
        }
        if let Capacity::Bounded { weight: Some(weight), .. } = &self.capacity {
            tokens.extend(scan::free(&weight.weigh));
        }
        for tags in &self.tags.of_value {
            tokens.extend(scan::free(tags));
        }
        tokens
    }
}

fn outside(
    (function, key): (&Function, &Key),
    backends: Option<Backends>,
    (write, timeout): (Slot<options::Write>, Slot<u64>),
    codec: Slot<LitStr>,
    version: Slot<options::Version>,
) -> Option<Outside> {
    let backends = backends.filter(Backends::is_outside)?;
    let version = match version.into_value() {
        Some(options::Version::Given(number)) => Version::Given(number),
        Some(options::Version::Auto) | None => Version::Tokens(tokens::hash(function, key)),
    };
    let writes_back = write.into_value() == Some(options::Write::Back);
    Some(Outside {
        urls: backends.urls,
        codec: codec.into_value(),
        writes_back,
        timeout: timeout.into_value(),
        version,
    })
}

fn face(analysis: &Analysis<'_>, scope: Option<&Scope>) -> Face {
    match (analysis.form, scope) {
        (Form::AsyncFn, _) => Face::Future(FutureForm::AsyncFn),
        (Form::ImplFuture, _) => Face::Future(FutureForm::Opaque),
        (Form::BoxedFuture, _) => Face::Future(FutureForm::Boxed),
        (Form::Plain, Some(Scope::Thread)) => Face::PerThread,
        (Form::Plain, _) => Face::Blocking,
    }
}

/// The elements of a tuple; of anything else, itself.
fn elements(key: Expr) -> Vec<Expr> {
    match key {
        Expr::Tuple(tuple) => tuple.elems.into_iter().collect(),
        Expr::Group(group) => elements(*group.expr),
        other => vec![other],
    }
}

/// The parameter with the keys of one call. From now on the analysis is about one of them.
fn each(analysis: &mut Analysis<'_>, name: &Ident) -> Option<Each> {
    let param = analysis.params.iter_mut().find(|param| param.is_called(name))?;
    let element = types::slice_element(&param.ty)?.clone();
    let are_references = matches!(types::bare(&element), Type::Reference(_));
    let Type::Reference(reference) = types::bare(&param.ty) else { return None };
    let one = Type::Reference(syn::TypeReference { elem: Box::new(element), ..reference.clone() });
    let several = param.clone();
    param.ty = one;
    Some(Each { param: several, are_references })
}

fn parts(
    analysis: &Analysis<'_>,
    exclude: &[Ident],
    (include, each): (Vec<Place>, Option<&Each>),
    cache: Option<&Expr>,
) -> Vec<Part> {
    let mut parts = Vec::new();
    for param in &analysis.params {
        let excluded = exclude.iter().any(|name| param.is_called(name));
        let is_each = each.is_some_and(|each| param.position == each.param.position);
        let included = is_each || include.iter().any(|place| !place.is_field && param.is_called(&place.root));
        let mutable = param.is_mutable_reference();
        if included {
            parts.push(Part::Param(param.clone()));
        } else if excluded || param.is_underscored() || mutable || cache.is_some_and(|cache| param.is(cache)) {
            // Left out.
        } else if param.is_connection() {
            parts.push(Part::ParamIfKey(param.clone()));
        } else {
            parts.push(Part::Param(param.clone()));
        }
    }
    let places = include.into_iter().filter(|place| place.is_field || place.root == "self");
    parts.extend(places.map(Part::Place));
    parts
}

/// `in_cache`: no entry of the object has a tag by itself, so that literals are like any other expression.
fn tags(given: Vec<Tag>, in_cache: bool) -> Tags {
    let mut tags = Tags::default();
    for tag in given {
        match tag {
            Tag::Literal(text) if in_cache => tags.of_arguments.push((syn::parse_quote!(#text), false)),
            Tag::Literal(text) => tags.literal.push(text),
            Tag::One(expr) => tags.of_arguments.push((expr, false)),
            Tag::Many(expr) => tags.of_arguments.push((expr, true)),
            Tag::OfValue(closure) => tags.of_value.push(closure),
        }
    }
    tags
}

fn has_self(function: &Function) -> bool {
    function.sig.receiver().is_some()
        || types::has_word(function.sig.to_token_stream(), &|word| word == "Self")
        || scan::names_self_type(function.body.stream())
}

fn unmentioned_receiver(function: &Function, analysis: &Analysis<'_>, options: &Options) -> Option<Span> {
    analysis.receiver?;
    let mentioned = options.key.is_given()
        || options.exclude.iter().any(|name| name == "self")
        || options.include.iter().any(|place| place.root == "self")
        || options.cache.value().is_some_and(|cache| scan::mentions(cache.to_token_stream(), "self"));
    if mentioned {
        return None;
    }
    scan::receiver_use(function.body.stream())
}
