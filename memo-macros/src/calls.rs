//! The macros that act on one call, which is written as one would write it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprCall, ExprMethodCall, ExprPath, Token};

use crate::address::{self, bundled};
use crate::options::bare;

/// A call that names a memoized function.
pub(crate) enum Call {
    /// `users::find(1)`
    Path { path: Box<ExprPath>, args: Punctuated<Expr, Token![,]> },
    /// `repo.find(1)`
    Method(Box<ExprMethodCall>),
}

impl Parse for Call {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.is_empty() {
            return Err(input.error("expected a call like `f(x)` or `x.f(y)`"));
        }
        Self::of(input.parse()?)
    }
}

impl Call {
    pub(crate) fn of(expr: Expr) -> syn::Result<Self> {
        match expr {
            Expr::Group(group) => Self::of(*group.expr),
            Expr::Paren(paren) => Self::of(*paren.expr),
            Expr::Call(ExprCall { func, args, .. }) => match bare(&func) {
                Expr::Path(path) => Ok(Self::Path { path: Box::new(path.clone()), args }),
                _ => Err(syn::Error::new_spanned(
                    func,
                    "expected the name of a function; call it like `f(x)` or `x.f(y)`",
                )),
            },
            Expr::MethodCall(call) => Ok(Self::Method(Box::new(call))),
            Expr::Await(wait) => {
                Err(syn::Error::new_spanned(wait, "put `.await` outside, behind the macro: `…!(f(x)).await`"))
            }
            Expr::Try(attempt) => {
                Err(syn::Error::new_spanned(attempt, "put `?` outside, behind the macro: `…!(f(x))?`"))
            }
            other => Err(syn::Error::new_spanned(other, "expected a call like `f(x)` or `x.f(y)`")),
        }
    }

    /// The call of the hidden sibling, which hands the address to the closure `then`.
    pub(crate) fn addressed(self, private: &TokenStream, then: &TokenStream) -> TokenStream {
        match self {
            Self::Path { path, args } => {
                let args = args.into_iter().map(|arg| stand_in(private, arg));
                let named = path.path.segments.last().map_or_else(Span::call_site, |last| last.ident.span());
                let args = bundled(0, named, args.collect());
                let sibling = sibling_path(*path);
                quote!(#sibling(#(#args,)* #then))
            }
            Self::Method(call) => {
                let ExprMethodCall { receiver, method, turbofish, args, .. } = *call;
                let sibling = address::by_dot(&method, method.span());
                let args = args.into_iter().map(|arg| stand_in(private, arg));
                let args = bundled(1, method.span(), args.collect());
                quote!(#receiver.#sibling #turbofish(#(#args,)* #then))
            }
        }
    }
}

/// `_` stands for whatever is not in the key.
fn stand_in(private: &TokenStream, arg: Expr) -> TokenStream {
    match arg {
        Expr::Infer(underscore) => {
            quote_spanned!(underscore.underscore_token.span.resolved_at(Span::mixed_site())=> #private::Any)
        }
        other => other.into_token_stream(),
    }
}

/// The path of the function, its last name replaced by the sibling's; a type is a handle.
fn sibling_path(mut path: ExprPath) -> TokenStream {
    let Some(last) = path.path.segments.last_mut() else {
        return path.into_token_stream();
    };
    if last.ident.unraw().to_string().starts_with(char::is_uppercase) {
        let handle = Ident::new(address::HANDLE, last.ident.span());
        let arguments = std::mem::take(&mut last.arguments);
        return quote!(#path::#handle #arguments);
    }
    // The span is the user's: the compiler's note about it points at the user's word.
    last.ident = address::by_path(&last.ident, last.ident.span());
    // The sibling of a trait's method lives in another trait.
    if let Some(qself) = &path.qself
        && qself.position + 1 == path.path.segments.len()
        && let Some(last) = path.path.segments.last()
    {
        let ty = &qself.ty;
        return quote!(<#ty>::#last);
    }
    path.into_token_stream()
}

/// What `memo`'s own macros put before the user's tokens: its path, in parentheses.
fn private(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let content;
    syn::parenthesized!(content in input);
    let path: TokenStream = content.parse()?;
    Ok(quote!(#path::__private))
}

fn end(input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![,]) {
        input.parse::<Token![,]>()?;
    }
    if input.is_empty() { Ok(()) } else { Err(input.error("expected one call and nothing more")) }
}

fn expand(parsed: syn::Result<TokenStream>) -> TokenStream {
    parsed.unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote!({ #error })
    })
}

/// `skip_cache!`, `overwrite_cache!`
pub(crate) fn with_mode(input: TokenStream, mode: &str) -> TokenStream {
    let parse = |input: ParseStream<'_>| {
        let private = private(input)?;
        let call: Call = input.parse()?;
        end(input)?;
        let mode = format_ident!("{mode}");
        Ok(armed(&private, &quote!(#private::Mode::#mode), call))
    };
    expand(parse.parse2(input))
}

/// `call_with!(mode, call)`
pub(crate) fn with_given_mode(input: TokenStream) -> TokenStream {
    let parse = |input: ParseStream<'_>| {
        let private = private(input)?;
        let mode: Expr = input.parse()?;
        if !input.peek(Token![,]) {
            return Err(input.error("expected a mode and a call: `call_with!(Mode::Skip, f(x))`"));
        }
        input.parse::<Token![,]>()?;
        let call: Call = input.parse()?;
        end(input)?;
        Ok(armed(&private, &mode.into_token_stream(), call))
    };
    expand(parse.parse2(input))
}

/// `cache_get!`, `cache_entry!`, `cache_delete!`, `explain_cache!`
pub(crate) fn address(input: TokenStream, act: &str) -> TokenStream {
    let parse = |input: ParseStream<'_>| {
        let private = private(input)?;
        let call: Call = input.parse()?;
        end(input)?;
        let act = format_ident!("{act}");
        Ok(answered(
            &private,
            &TokenStream::new(),
            call,
            &quote_spanned!(Span::mixed_site()=> #private::#act!(address)),
        ))
    };
    expand(parse.parse2(input))
}

/// `cache_set!(call, value)`
pub(crate) fn set(input: TokenStream) -> TokenStream {
    let parse = |input: ParseStream<'_>| {
        let private = private(input)?;
        let call: Call = input.parse()?;
        if !input.peek(Token![,]) {
            return Err(input.error("expected a call and a value: `cache_set!(f(x), value)`"));
        }
        input.parse::<Token![,]>()?;
        let value: Expr = input.parse()?;
        end(input)?;
        let bind = quote_spanned!(Span::mixed_site()=> let mut value = ::core::option::Option::Some(#value););
        Ok(answered(&private, &bind, call, &quote_spanned!(Span::mixed_site()=> #private::set!(address, value))))
    };
    expand(parse.parse2(input))
}

fn answered(private: &TokenStream, bind: &TokenStream, call: Call, act: &TokenStream) -> TokenStream {
    let then = quote_spanned!(Span::mixed_site()=> &mut |address| answer = ::core::option::Option::Some(#act));
    let call = call.addressed(private, &then);
    quote_spanned! {Span::mixed_site()=>
        {
            #bind
            let mut answer = ::core::option::Option::None;
            #call;
            #private::answered(answer)
        }
    }
}

/// The call, its mode set as late as possible: after everything that is evaluated for it.
fn armed(private: &TokenStream, mode: &TokenStream, call: Call) -> TokenStream {
    let mut first = TokenStream::new();
    let call = match call {
        Call::Path { path, mut args } => {
            match args.pop() {
                Some(last) => args.push(arming(&last)),
                None => first = now(),
            }
            quote!(#path(#args))
        }
        Call::Method(mut call) => {
            if let Some(last) = call.args.pop() {
                call.args.push(arming(&last));
            } else if is_place(&call.receiver) {
                first = now();
            } else {
                call.receiver = Box::new(last(&call.receiver));
            }
            call.into_token_stream()
        }
    };
    quote_spanned! {Span::mixed_site()=>
        {
            let armed = #private::arm(#mode);
            #first
            #private::done!(armed, #call)
        }
    }
}

fn now() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> armed.now();)
}

fn last(expr: &Expr) -> Expr {
    Expr::Verbatim(quote_spanned!(Span::mixed_site()=> armed.last(#expr)))
}

/// The last argument. What runs no code when it is evaluated keeps its expected type, which closures and
/// reborrowed references need.
fn arming(expr: &Expr) -> Expr {
    match bare(expr) {
        Expr::Lit(_) | Expr::Closure(_) | Expr::Path(_) => {
            let now = now();
            Expr::Verbatim(quote_spanned!(Span::mixed_site()=> { #now #expr }))
        }
        _ => last(expr),
    }
}

/// Whether evaluating the receiver can run no memoized function.
fn is_place(expr: &Expr) -> bool {
    match bare(expr) {
        Expr::Path(_) | Expr::Lit(_) => true,
        Expr::Field(field) => is_place(&field.base),
        Expr::Index(index) => is_place(&index.expr) && is_place(&index.index),
        Expr::Reference(reference) => is_place(&reference.expr),
        Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Deref(_)) && is_place(&unary.expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sibling(call: &str) -> String {
        let call: Call = syn::parse_str(call).expect(call);
        call.addressed(&quote!(P), &quote!(then)).to_string().replace(' ', "")
    }

    #[test]
    fn renames_the_last_name() {
        assert_eq!(sibling("users::find(1)"), "users::__memoize_attribute_of_find(1,(),then)");
        assert_eq!(sibling("load::<Foo>(_)"), "__memoize_attribute_of_load::<Foo>(P::Any,(),then)");
        assert_eq!(sibling("Self::f()"), "Self::__memoize_attribute_of_f((),(),then)");
        assert_eq!(sibling("<Pg as Store>::load(&pg, 1)"), "<Pg>::__memoize_attribute_of_load(&pg,(1,),then)");
        assert_eq!(sibling("<Pg>::load(1)"), "<Pg>::__memoize_attribute_of_load(1,(),then)");
        assert_eq!(sibling("repo.find(1)"), "repo.__memoize_attribute_on_method_find((1,),then)");
        assert_eq!(sibling("UserCache(7)"), "UserCache::__memoize_option_handle(7,(),then)");
        assert_eq!(sibling("m::UserCache::<T>(7)"), "m::UserCache::__memoize_option_handle::<T>(7,(),then)");
        assert_eq!(sibling("r#match(1)"), "__memoize_attribute_of_match(1,(),then)");
    }

    #[test]
    fn only_calls() {
        for text in ["f", "f(x).await", "f(x)?", "f!(x)", "1 + 1", ""] {
            assert!(syn::parse_str::<Call>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn arms_late() {
        let with = |text: &str| with_mode(text.parse().expect("tokens"), "Skip").to_string().replace(' ', "");
        assert!(with("(::memo) f(a, g(b))").contains("f(a,armed.last(g(b)))"));
        assert!(with("(::memo) f()").contains("armed.now();::memo::__private::done!(armed,f())"));
        assert!(with("(::memo) x.y.f()").contains("armed.now();"));
        assert!(with("(::memo) x().f()").contains("armed.last(x()).f()"));
    }
}
