//! The attribute `#[memoize]`: capture, parse, analyse, check, lower, expand.

use proc_macro2::{Span, TokenStream};

use crate::check::{self, Site};
use crate::errors::Ctxt;
use crate::item::{self, Function, ImplItem, Item, TraitImpl};
use crate::options::Options;
use crate::plan::Plan;
use crate::signature::Analysis;
use crate::{expand, fallback};

pub(crate) fn memoize(options: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Function(function)) => match one_function(options, &function) {
            Ok(tokens) => tokens,
            Err(errors) => fallback::with_errors(item, errors),
        },
        Ok(Item::TraitImpl(block)) => match trait_impl(&options, &block) {
            Ok(tokens) => tokens,
            Err(errors) => fallback::block_with_errors(item, errors),
        },
        Err(error) if fallback::is_trait_impl(&item) => fallback::block_with_errors(item, error.to_compile_error()),
        Err(error) => fallback::with_errors(item, error.to_compile_error()),
    }
}

fn one_function(options: TokenStream, function: &Function) -> Result<TokenStream, TokenStream> {
    let cx = Ctxt::new();
    let plan = lower(&cx, options, function, Site::Anywhere);
    cx.finish()?;
    Ok(expand::function(&plan))
}

/// All passes but the last. The plan is good if the context holds no error.
fn lower<'a>(cx: &Ctxt, options: TokenStream, function: &'a Function, site: Site) -> Plan<'a> {
    let options = Options::parse(cx, options);
    let analysis = Analysis::of(&function.sig);
    check::check(cx, &options, function, &analysis, site);
    Plan::new(function, analysis, options, site)
}

fn trait_impl(options: &TokenStream, block: &TraitImpl) -> Result<TokenStream, TokenStream> {
    let cx = Ctxt::new();
    if !options.is_empty() {
        cx.error_at(options, "on an impl block `#[memoize]` stands bare; options go on its methods: `#[memoize(…)]`");
    }
    let mut plans = Vec::new();
    for item in &block.items {
        if let ImplItem::Memoized { attribute, function } = item {
            match item::options_of(attribute) {
                Ok(options) => plans.push(lower(&cx, options, function, Site::TraitImpl)),
                Err(error) => cx.push(error),
            }
        }
    }
    let memoized = block.items.iter().any(|item| matches!(item, ImplItem::Memoized { .. }));
    if !memoized && options.is_empty() {
        cx.error(
            Span::call_site(),
            "no method of this impl block is memoized; put `#[memoize(…)]` on the methods that are to be",
        );
    }
    cx.finish()?;
    Ok(expand::impl_block(block, &plans))
}
