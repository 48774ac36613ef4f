//! The options that say what the key is made of: `key`, `exclude`, `include`.

use proc_macro2::Ident;
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
    let content = names(word, input, "exclude(logger)")?;
    let mut names = Vec::new();
    while !content.is_empty() {
        if !content.peek(syn::Ident::peek_any) {
            return Err(
                content.error("`exclude` takes names of parameters: `exclude(logger, pool)`")
            );
        }
        names.push(content.call(Ident::parse_any)?);
        if content.peek(Token![.]) {
            return Err(content.error("`exclude` takes whole parameters; to leave out a field, say what is in the key: `include(…)` or `key = …`"));
        }
        comma(&content)?;
    }
    Ok(names)
}

pub(super) fn include(word: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Place>> {
    let content = names(word, input, "include(self.tenant)")?;
    let mut places = Vec::new();
    while !content.is_empty() {
        let expr: Expr = content.parse()?;
        places.push(place(expr)?);
        comma(&content)?;
    }
    Ok(places)
}

fn place(expr: Expr) -> syn::Result<Place> {
    let is_field = matches!(bare(&expr), Expr::Field(_));
    match root(&expr) {
        Some(root) => Ok(Place {
            root,
            expr,
            is_field,
        }),
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

fn names<'a>(
    word: &Ident,
    input: ParseStream<'a>,
    example: &str,
) -> syn::Result<syn::parse::ParseBuffer<'a>> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new(
            word.span(),
            format!("`{word}` takes names in parentheses: `{example}`"),
        ));
    }
    let content;
    syn::parenthesized!(content in input);
    if content.is_empty() {
        return Err(syn::Error::new(
            word.span(),
            format!("`{word}()` names nothing; write `{example}`, or leave it away"),
        ));
    }
    Ok(content)
}

fn comma(content: ParseStream<'_>) -> syn::Result<()> {
    if content.is_empty() {
        return Ok(());
    }
    content.parse::<Token![,]>().map(drop)
}
