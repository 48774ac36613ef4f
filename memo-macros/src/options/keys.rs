//! The options that say what the key is made of: `key`, `exclude`, `include`, `each`.

use proc_macro2::{Ident, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Expr, Member, Token};

use super::{bare, value};

/// What `include(…)` names: a parameter or the receiver, or a field of one of them.
#[derive(Clone)]
pub(crate) struct Place {
    /// The parameter, or `self`.
    pub(crate) root: Ident,
    /// The place as it was written.
    pub(crate) expr: Expr,
    pub(crate) is_field: bool,
}

pub(super) fn key(word: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    value(word, input, "key = (id, name.len())")?.parse()
}

pub(super) fn exclude(word: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    list(word, input, "exclude(logger)", |content| {
        if !content.peek(syn::Ident::peek_any) {
            return Err(content.error("`exclude` takes names of parameters: `exclude(logger, pool)`"));
        }
        let name = content.call(Ident::parse_any)?;
        if content.peek(Token![.]) {
            return Err(syn::Error::new(
                name.span(),
                "`exclude` takes whole parameters; to leave out a field, say what is in the key: `include(…)` or `key = …`",
            ));
        }
        Ok(name)
    })
}

pub(super) fn include(word: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Place>> {
    list(word, input, "include(self.tenant)", |content| content.parse().and_then(place))
}

pub(super) fn each(word: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
    let input = value(word, input, "each = ids")?;
    let expr: Expr = input.parse()?;
    match bare(&expr) {
        Expr::Path(path) if path.path.get_ident().is_some() => Ok(path.path.require_ident()?.clone()),
        _ => Err(syn::Error::new_spanned(&expr, "`each` takes the name of a parameter, like `each = ids`")),
    }
}

fn place(expr: Expr) -> syn::Result<Place> {
    let is_field = matches!(bare(&expr), Expr::Field(_));
    match root(&expr) {
        Some(root) => Ok(Place { root, expr, is_field }),
        None => Err(syn::Error::new_spanned(
            &expr,
            "`include` takes names and fields, like `include(conn, self.tenant)`; use `key = …` for what is computed",
        )),
    }
}

fn root(expr: &Expr) -> Option<Ident> {
    match bare(expr) {
        Expr::Path(path) => path.path.get_ident().cloned(),
        Expr::Field(field) => match field.member {
            Member::Named(_) | Member::Unnamed(_) => root(&field.base),
        },
        _ => None,
    }
}

/// What stands in the parentheses. They are read to their end also if something in them is wrong: what is left over
/// would be an error of its own.
fn list<T>(
    word: &Ident,
    input: ParseStream<'_>,
    example: &str,
    element: impl Fn(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<Vec<T>> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new(word.span(), format!("`{word}` takes names in parentheses: `{example}`")));
    }
    let content;
    syn::parenthesized!(content in input);
    if content.is_empty() {
        return Err(syn::Error::new(
            word.span(),
            format!("`{word}()` names nothing; write `{example}`, or leave it away"),
        ));
    }
    let elements = elements(&content, element);
    while !content.is_empty() {
        content.parse::<TokenTree>()?;
    }
    elements
}

fn elements<T>(content: ParseStream<'_>, element: impl Fn(ParseStream<'_>) -> syn::Result<T>) -> syn::Result<Vec<T>> {
    let mut elements = vec![element(content)?];
    while !content.is_empty() {
        content.parse::<Token![,]>()?;
        if !content.is_empty() {
            elements.push(element(content)?);
        }
    }
    Ok(elements)
}
