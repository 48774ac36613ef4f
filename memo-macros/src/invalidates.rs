//! The attribute `#[invalidates(…)]`: entries and tags that a function deletes after it succeeded.

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, Token, Type};

use crate::calls::Call;
use crate::errors::Ctxt;
use crate::fallback;
use crate::item::{Function, Item};
use crate::options::bare;
use crate::signature::{Analysis, Form, Param};
use crate::types;

/// One thing to delete.
enum Target {
    Entry(Call),
    Tag(Expr),
    Tags(Expr),
}

pub(crate) fn invalidates(targets: TokenStream, item: TokenStream) -> TokenStream {
    let function = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Function(function)) => function,
        Ok(Item::TraitImpl(block)) => {
            let error = syn::Error::new(
                block.impl_token.span,
                "`#[invalidates(…)]` goes on a function or method",
            );
            return fallback::with_errors(item, error.into_compile_error());
        }
        Err(error) => {
            let error = syn::Error::new(
                error.span(),
                "`#[invalidates(…)]` goes on a function or method with a body",
            );
            return fallback::with_errors(item, error.into_compile_error());
        }
    };
    let cx = Ctxt::new();
    let (private, targets) = read(&cx, targets);
    if let Some(word) = &function.sig.constness {
        cx.error(
            word.span,
            "a `const fn` can't delete entries; remove `const` or the attribute",
        );
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
    let parse = |input: ParseStream<'_>| {
        while !input.is_empty() {
            if input.peek(Token![crate]) && input.peek2(Token![=]) {
                input.parse::<Token![crate]>()?;
                input.parse::<Token![=]>()?;
                let path = syn::Path::parse_mod_style(input)?;
                private = quote!(#path::__private);
            } else {
                targets.push(target(input)?);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    if let Err(error) = parse.parse2(tokens) {
        cx.push(error);
    } else if targets.is_empty() {
        cx.error(Span::call_site(), "nothing to invalidate; name calls or tags: `#[invalidates(find_user(id), tag = \"users\")]`");
    }
    (private, targets)
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
                format!("unknown target `{other}`; write calls, `tag = …` or `tags = [...]`"),
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
    Call::of(expr).map(Target::Entry)
}

fn expand(private: &TokenStream, function: &Function, targets: Vec<Target>) -> TokenStream {
    let analysis = Analysis::of(&function.sig);
    let plan = plan(private, &analysis, targets);
    let Function {
        attrs,
        vis,
        defaultness,
        sig,
        inner_attrs,
        body,
    } = function;
    let run = run(private, &analysis, body, &plan);
    let mut block = Group::new(body.delimiter(), quote!(#inner_attrs #run));
    block.set_span(body.span());
    quote!(#(#attrs)* #vis #defaultness #sig #block)
}

/// The list of what to delete, made before the body consumes the arguments.
fn plan(private: &TokenStream, analysis: &Analysis<'_>, targets: Vec<Target>) -> TokenStream {
    let mut tokens =
        quote_spanned!(Span::mixed_site()=> let mut plan = #private::Invalidation::new(););
    for target in targets {
        tokens.extend(match target {
            Target::Entry(call) => {
                let then = quote_spanned!(Span::mixed_site()=> &mut |address| plan.add(address));
                let call = copied(private, analysis, call).addressed(private, &then);
                quote_spanned!(Span::mixed_site()=> #call;)
            }
            Target::Tag(tag) => quote_spanned!(Span::mixed_site()=> plan.tag(#tag);),
            Target::Tags(tags) => {
                if let Expr::Array(array) = bare(&tags) {
                    let tags = array.elems.iter();
                    quote_spanned!(Span::mixed_site()=> #(plan.tag(#tags);)*)
                } else {
                    quote_spanned!(Span::mixed_site()=> for tag in #tags { plan.tag(tag); })
                }
            }
        });
    }
    tokens
}

/// Arguments that are handed over by value are still the body's.
fn copied(private: &TokenStream, analysis: &Analysis<'_>, call: Call) -> Call {
    let copy = |arg: &mut Expr| {
        let Some(param) = bare_param(analysis, arg) else {
            return;
        };
        *arg = Expr::Verbatim(if param.is_mutable_reference() {
            quote_spanned!(Span::mixed_site()=> &mut *#arg)
        } else if matches!(types::bare(&param.ty), Type::Reference(_)) {
            arg.to_token_stream()
        } else {
            quote_spanned!(Span::mixed_site()=> #private::copy_arg!(#arg))
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

fn bare_param<'a>(analysis: &'a Analysis<'_>, arg: &Expr) -> Option<&'a Param> {
    let Expr::Path(path) = bare(arg) else {
        return None;
    };
    let name = path.path.get_ident()?;
    analysis
        .params
        .iter()
        .find(|param| param.names().contains(name))
}

/// The body, and after it the deletions.
fn run(
    private: &TokenStream,
    analysis: &Analysis<'_>,
    body: &Group,
    plan: &TokenStream,
) -> TokenStream {
    let declared = types::returned(&analysis.sig.output);
    let output = &analysis.output;
    let opaque = matches!(types::bare(&declared), Type::ImplTrait(_));
    let closure = if opaque {
        quote!(move || #body)
    } else {
        quote_spanned!(Span::mixed_site()=> move || -> #declared #body)
    };
    let awaited = |future: TokenStream| {
        quote_spanned! {Span::mixed_site()=>
            #plan
            let result = #private::output::<#output, _>(#future).await;
            #private::invalidate!(plan, result)
        }
    };
    match analysis.form {
        Form::Plain => quote_spanned! {Span::mixed_site()=>
            #plan
            let result = (#closure)();
            #private::invalidate!(plan, result)
        },
        Form::AsyncFn => awaited(quote_spanned!(Span::mixed_site()=> async move #body)),
        Form::ImplFuture => {
            let content = awaited(quote_spanned!(Span::mixed_site()=> (#closure)()));
            quote_spanned!(Span::mixed_site()=> async move { #content })
        }
        Form::BoxedFuture => {
            let content = awaited(quote_spanned!(Span::mixed_site()=> (#closure)()));
            quote_spanned!(Span::mixed_site()=> ::std::boxed::Box::pin(async move { #content }))
        }
    }
}
