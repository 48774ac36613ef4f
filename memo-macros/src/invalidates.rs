//! The attribute `#[invalidates(…)]`: entries and tags that a function deletes after it succeeded.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::parse::{ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Expr, ExprIndex, Token, Type};

use crate::calls::Call;
use crate::errors::Ctxt;
use crate::item::{Function, Item};
use crate::options::bare;
use crate::signature::{Analysis, Form};
use crate::types;
use crate::{expand, fallback};

/// One thing to delete.
enum Target {
    Entry(Call),
    /// An entry of a cache object: `CACHE[&key]`.
    Of(ExprIndex),
    Tag(Expr),
    Tags(Expr),
}

pub(crate) fn invalidates(targets: TokenStream, item: TokenStream) -> TokenStream {
    let function = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Function(function)) => function,
        Ok(Item::TraitImpl(block)) => {
            let error = syn::Error::new(block.impl_token.span, "`#[invalidates(…)]` goes on a function or method");
            return fallback::with_errors(item, error.into_compile_error());
        }
        Err(error) => {
            let error = syn::Error::new(error.span(), "`#[invalidates(…)]` goes on a function or method with a body");
            return fallback::with_errors(item, error.into_compile_error());
        }
    };
    let cx = Ctxt::new();
    let (private, targets) = read(&cx, targets);
    if let Some(word) = &function.sig.constness {
        cx.error(word.span, "a `const fn` can't delete entries; remove `const` or the attribute");
    }
    match cx.finish() {
        Ok(()) => expand(&private, &function, targets),
        Err(errors) => fallback::with_errors(item, errors),
    }
}

/// All targets, and the path of the runtime.
fn read(cx: &Ctxt, tokens: TokenStream) -> (TokenStream, Vec<Target>) {
    let mut private = quote!(::memo::__private);
    let mut targets = Vec::new();
    let mut wrong = false;
    let parse = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if input.peek(Token![crate]) && input.peek2(Token![=]) {
                input.parse::<Token![crate]>()?;
                input.parse::<Token![=]>()?;
                let path = syn::Path::parse_mod_style(input)?;
                private = quote!(#path::__private);
            } else {
                match target(input) {
                    Ok(target) => targets.push(target),
                    Err(error) => {
                        wrong = true;
                        cx.push(error);
                        skip(input);
                    }
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    if let Err(error) = parse.parse2(tokens) {
        cx.push(error);
    } else if targets.is_empty() && !wrong {
        cx.error(
            Span::call_site(),
            "nothing to invalidate; name calls, entries of caches or tags: `#[invalidates(find_user(id), SESSIONS[&id], tag = \"users\")]`",
        );
    }
    (private, targets)
}

/// Skips to the comma behind a target that is wrong.
fn skip(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

fn target(input: ParseStream<'_>) -> syn::Result<Target> {
    if input.peek(syn::Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
        let word: Ident = input.parse()?;
        input.parse::<Token![=]>()?;
        return match word.to_string().as_str() {
            "tag" => input.parse().map(Target::Tag),
            "tags" => input.parse().map(Target::Tags),
            other => Err(syn::Error::new(
                word.span(),
                format!(
                    "unknown target `{other}`; write calls, entries of caches like `SESSIONS[&id]`, `tag = …` or `tags = [...]`"
                ),
            )),
        };
    }
    let expr: Expr = input.parse()?;
    if let Expr::Path(path) = bare(&expr) {
        return Err(syn::Error::new_spanned(
            path,
            format!(
                "expected a call that says which entry: `{0}(id)`; `_` stands for what is not in the key",
                path.to_token_stream()
            ),
        ));
    }
    if let Expr::Await(_) | Expr::Try(_) = bare(&expr) {
        return Err(syn::Error::new_spanned(
            &expr,
            "a call that says which entry is not made, so there is nothing to wait for; write it without `.await` and `?`",
        ));
    }
    match unwrapped(expr) {
        Expr::Index(index) => Ok(Target::Of(index)),
        call => Call::of(call).map(Target::Entry),
    }
}

/// The expression without parentheses and invisible groups.
fn unwrapped(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => unwrapped(*group.expr),
        Expr::Paren(paren) => unwrapped(*paren.expr),
        other => other,
    }
}

fn expand(private: &TokenStream, function: &Function, targets: Vec<Target>) -> TokenStream {
    let analysis = Analysis::of(&function.sig);
    let plan = plan(private, &analysis, targets);
    let Function { attrs, vis, defaultness, sig, inner_attrs, body } = function;
    let run = run(private, &analysis, body, &plan);
    let mut block = Group::new(body.delimiter(), quote!(#inner_attrs #run));
    block.set_span(body.span());
    quote!(#(#attrs)* #vis #defaultness #sig #block)
}

/// The list of what to delete, made before the body consumes the arguments.
fn plan(private: &TokenStream, analysis: &Analysis<'_>, targets: Vec<Target>) -> TokenStream {
    let mut tokens = quote_spanned!(Span::mixed_site()=> let mut plan = #private::Invalidation::new(););
    for target in targets {
        tokens.extend(match target {
            Target::Entry(call) => {
                let then = quote_spanned!(Span::mixed_site()=> &mut |address| plan.add(address));
                let call = copied(analysis, call).addressed(private, &then);
                quote_spanned!(Span::mixed_site()=> #call;)
            }
            Target::Of(ExprIndex { expr, index, .. }) => {
                // With the expression's own span the compiler underlines all of it.
                let cache = quote_spanned!(expr.span()=> &#expr);
                quote_spanned!(expand::ours(expr.span())=> plan.entry(#cache, #index);)
            }
            Target::Tag(tag) => {
                let tag = expand::unmoved(analysis, &tag);
                quote_spanned!(Span::mixed_site()=> plan.tag(#tag);)
            }
            Target::Tags(tags) => {
                if let Expr::Array(array) = bare(&tags) {
                    let tags = array.elems.iter().map(|tag| expand::unmoved(analysis, tag));
                    quote_spanned!(Span::mixed_site()=> #(plan.tag(#tags);)*)
                } else {
                    let tags = expand::unmoved(analysis, &tags);
                    quote_spanned!(Span::mixed_site()=> for tag in #tags { plan.tag(tag); })
                }
            }
        });
    }
    tokens
}

/// Arguments that are handed over by value are still the body's.
fn copied(analysis: &Analysis<'_>, call: Call) -> Call {
    let copy = |arg: &mut Expr| {
        let Some(param) = analysis.named_by(arg) else {
            return;
        };
        *arg = Expr::Verbatim(if param.is_mutable_reference() {
            quote_spanned!(Span::mixed_site()=> &mut *#arg)
        } else {
            expand::unmoved(analysis, arg)
        });
    };
    match call {
        Call::Path { path, mut args } => {
            args.iter_mut().for_each(copy);
            Call::Path { path, args }
        }
        Call::Method(mut call) => {
            call.args.iter_mut().for_each(copy);
            Call::Method(call)
        }
    }
}

/// The body, and after it the deletions.
fn run(private: &TokenStream, analysis: &Analysis<'_>, body: &Group, plan: &TokenStream) -> TokenStream {
    let declared = types::returned(&analysis.sig.output);
    let output = &analysis.output;
    let opaque = matches!(types::bare(&declared), Type::ImplTrait(_));
    let closure =
        if opaque { quote!(move || #body) } else { quote_spanned!(Span::mixed_site()=> move || -> #declared #body) };
    let awaited = |future: TokenStream| {
        quote_spanned! {Span::mixed_site()=>
            #plan
            let result = #private::output::<#output, _>(#future).await;
            let result = #private::invalidate_later!(plan, result);
            result
        }
    };
    match analysis.form {
        Form::Plain => quote_spanned! {Span::mixed_site()=>
            #plan
            let result = (#closure)();
            let result = #private::invalidate!(plan, result);
            result
        },
        Form::AsyncFn => awaited(quote_spanned!(Span::mixed_site()=> async move #body)),
        Form::ImplFuture => {
            let content = awaited(quote_spanned!(Span::mixed_site()=> (#closure)()));
            // As a statement, or linters would ask for an `async fn`.
            quote_spanned! {Span::mixed_site()=>
                let future = async move { #content };
                future
            }
        }
        Form::BoxedFuture => {
            let content = awaited(quote_spanned!(Span::mixed_site()=> (#closure)()));
            quote_spanned!(Span::mixed_site()=> ::std::boxed::Box::pin(async move { #content }))
        }
    }
}
