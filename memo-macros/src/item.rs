//! Capture: the annotated item, its signature parsed and its body left as tokens.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Generics, Ident, Path, Signature, Token, Type, Visibility, WhereClause};

/// What the attribute stands on.
pub(crate) enum Item {
    Function(Box<Function>),
    TraitImpl(Box<TraitImpl>),
}

/// A function or method.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) defaultness: Option<Token![default]>,
    pub(crate) sig: Signature,
    /// `#![…]` at the start of the body.
    pub(crate) inner_attrs: TokenStream,
    /// The body in its braces, without the inner attributes.
    pub(crate) body: Group,
}

/// `impl Trait for Type { … }`.
pub(crate) struct TraitImpl {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) unsafety: Option<Token![unsafe]>,
    pub(crate) impl_token: Token![impl],
    pub(crate) generics: Generics,
    pub(crate) trait_path: Path,
    pub(crate) for_token: Token![for],
    pub(crate) self_ty: Type,
    pub(crate) braces: Group,
    pub(crate) items: Vec<ImplItem>,
}

/// One item of an impl block.
pub(crate) enum ImplItem {
    /// A method with the attribute, taken off it.
    Memoized {
        attribute: Box<Attribute>,
        function: Box<Function>,
    },
    Other(TokenStream),
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        if is_impl(input) {
            return TraitImpl::parse(attrs, input).map(|block| Self::TraitImpl(Box::new(block)));
        }
        Function::parse(attrs, input).map(|function| Self::Function(Box::new(function)))
    }
}

fn is_impl(input: ParseStream<'_>) -> bool {
    input.peek(Token![impl])
        || (input.peek(Token![unsafe]) && input.peek2(Token![impl]))
        || (input.peek(Token![default]) && input.peek2(Token![impl]))
}

impl Function {
    pub(crate) fn parse(attrs: Vec<Attribute>, input: ParseStream<'_>) -> syn::Result<Self> {
        let vis: Visibility = input.parse()?;
        let defaultness = if input.peek(Token![default]) { Some(input.parse()?) } else { None };
        if let Some(error) = no_function(input) {
            return Err(error);
        }
        let sig: Signature = input.parse()?;
        if input.peek(Token![;]) {
            return Err(syn::Error::new(
                sig.ident.span(),
                format!(
                    "`{0}` is declared without a body, so there is nothing to memoize; put `#[memoize]` where it has one, or on a function that calls it",
                    sig.ident
                ),
            ));
        }
        let TokenTree::Group(body) = input.parse::<TokenTree>()? else {
            return Err(syn::Error::new(sig.ident.span(), "expected a body in braces"));
        };
        let (inner_attrs, body) = split_inner_attributes(&body);
        Ok(Self { attrs, vis, defaultness, sig, inner_attrs, body })
    }
}

/// An error if what follows is some other item than a function.
fn no_function(input: ParseStream<'_>) -> Option<syn::Error> {
    let ahead = input.fork();
    let keyword = ahead.call(Ident::parse_any).ok()?;
    let what = match keyword.to_string().as_str() {
        "struct" | "enum" | "union" => "a type has no result to keep; put `#[memoize]` on a function or method",
        "trait" => "put `#[memoize]` on the methods in an impl of the trait, and bare on that impl block",
        "mod" => "put `#[memoize]` on each function in the module",
        "static" => "for a value computed once use `std::sync::LazyLock`; `#[memoize]` goes on a function",
        "const"
            if !ahead.peek(Token![fn])
                && !ahead.peek(Token![unsafe])
                && !ahead.peek(Token![async])
                && !ahead.peek(Token![extern]) =>
        {
            "a constant is computed by the compiler; `#[memoize]` goes on a function"
        }
        "const" | "async" | "unsafe" | "safe" | "extern" | "fn" => return None,
        _ => "`#[memoize]` goes on a function, a method, or the impl block of a trait",
    };
    Some(syn::Error::new(keyword.span(), what))
}

/// Inner attributes are not allowed in the block that the body moves to, so they stay in the function's own.
fn split_inner_attributes(body: &Group) -> (TokenStream, Group) {
    let mut attributes = TokenStream::new();
    let trees: Vec<TokenTree> = body.stream().into_iter().collect();
    let mut at = 0;
    while let [TokenTree::Punct(hash), TokenTree::Punct(bang), TokenTree::Group(group), ..] = &trees[at..] {
        if hash.as_char() != '#' || bang.as_char() != '!' || group.delimiter() != Delimiter::Bracket {
            break;
        }
        attributes.extend(trees[at..at + 3].iter().cloned());
        at += 3;
    }
    let mut rest = Group::new(body.delimiter(), trees[at..].iter().cloned().collect());
    rest.set_span(body.span());
    (attributes, rest)
}

impl TraitImpl {
    fn parse(attrs: Vec<Attribute>, input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(Token![default]) {
            return Err(input.error("a `default impl` can't be memoized; put `#[memoize]` on a full impl of the trait"));
        }
        let unsafety = if input.peek(Token![unsafe]) { Some(input.parse()?) } else { None };
        let impl_token: Token![impl] = input.parse()?;
        let mut generics: Generics = if has_generics(input) { input.parse()? } else { Generics::default() };
        let first: Type = input.parse()?;
        if !input.peek(Token![for]) {
            return Err(syn::Error::new(
                impl_token.span,
                "on the impl block of a type `#[memoize]` isn't needed; put it on each method that is to be memoized",
            ));
        }
        let Type::Path(syn::TypePath { qself: None, path: trait_path, .. }) = first else {
            return Err(syn::Error::new_spanned(first, "expected the path of a trait"));
        };
        let for_token = input.parse()?;
        let self_ty = input.parse()?;
        generics.where_clause = input.parse::<Option<WhereClause>>()?;
        let TokenTree::Group(braces) = input.parse::<TokenTree>()? else {
            return Err(syn::Error::new(impl_token.span, "expected an impl block in braces"));
        };
        let items = syn::parse::Parser::parse2(impl_items, braces.stream())?;
        Ok(Self { attrs, unsafety, impl_token, generics, trait_path, for_token, self_ty, braces, items })
    }
}

/// `impl<T>`, but not `impl <T as Trait>::Out`.
fn has_generics(input: ParseStream<'_>) -> bool {
    input.peek(Token![<])
        && (input.peek2(Token![>])
            || input.peek2(Token![#])
            || input.peek2(Token![const])
            || input.peek2(syn::Lifetime)
            || (input.peek2(Ident)
                && (input.peek3(Token![:])
                    || input.peek3(Token![,])
                    || input.peek3(Token![>])
                    || input.peek3(Token![=]))))
}

fn impl_items(input: ParseStream<'_>) -> syn::Result<Vec<ImplItem>> {
    let mut items = Vec::new();
    while !input.is_empty() {
        let mut attrs = if input.peek(Token![#]) && input.peek2(Token![!]) {
            input.call(Attribute::parse_inner)?
        } else {
            input.call(Attribute::parse_outer)?
        };
        if let Some(at) = attrs.iter().position(is_memoize) {
            let attribute = Box::new(attrs.remove(at));
            let function = Box::new(Function::parse(attrs, input)?);
            items.push(ImplItem::Memoized { attribute, function });
        } else {
            let mut tokens: TokenStream = attrs.iter().map(ToTokens::to_token_stream).collect();
            one_item(input, &mut tokens)?;
            items.push(ImplItem::Other(tokens));
        }
    }
    Ok(items)
}

/// The tokens of one item: up to its body, or to the semicolon where braces don't end it.
fn one_item(input: ParseStream<'_>, tokens: &mut TokenStream) -> syn::Result<()> {
    let constant = input.peek(Token![const])
        && !input.peek2(Token![fn])
        && !input.peek2(Token![async])
        && !input.peek2(Token![unsafe]);
    let to_semicolon = constant || input.peek(Token![type]);
    while !input.is_empty() {
        let tree: TokenTree = input.parse()?;
        let ends = match &tree {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !to_semicolon,
            _ => false,
        };
        tokens.extend([tree]);
        if ends {
            break;
        }
    }
    Ok(())
}

/// `memoize`, `memo::memoize`, or any path that ends so.
pub(crate) fn is_memoize(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "memoize")
}

/// The options inside an attribute; a bare one has none.
pub(crate) fn options_of(attribute: &Attribute) -> syn::Result<TokenStream> {
    match &attribute.meta {
        syn::Meta::Path(_) => Ok(TokenStream::new()),
        syn::Meta::List(list) => Ok(list.tokens.clone()),
        syn::Meta::NameValue(pair) => {
            Err(syn::Error::new_spanned(pair, "options go in parentheses: `#[memoize(ttl = 300)]`"))
        }
    }
}
