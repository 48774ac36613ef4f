//! The options `tag` and `tags`.

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::{Expr, Lit, LitStr};

use super::{bare, value};

/// One tag, or an expression that gives tags.
pub(crate) enum Tag {
    Literal(LitStr),
    /// An expression over the arguments that gives one tag.
    One(Expr),
    /// An expression over the arguments that gives several.
    Many(Expr),
    /// A closure over the value that gives one tag or several.
    OfValue(Expr),
}

pub(super) fn one(word: &Ident, input: ParseStream<'_>) -> syn::Result<Tag> {
    let expr: Expr = value(word, input, "tag = \"users\"")?.parse()?;
    match bare(&expr) {
        Expr::Array(_) => Err(syn::Error::new_spanned(&expr, "`tag` takes one tag; for several write `tags = […]`")),
        Expr::Closure(_) => Ok(Tag::OfValue(expr)),
        _ => single(expr),
    }
}

pub(super) fn many(word: &Ident, input: ParseStream<'_>) -> syn::Result<Vec<Tag>> {
    let expr: Expr = value(word, input, "tags = [\"users\", format!(\"user:{id}\")]")?.parse()?;
    match bare(&expr) {
        Expr::Array(array) => array.elems.iter().cloned().map(single).collect(),
        Expr::Closure(_) => Ok(vec![Tag::OfValue(expr)]),
        Expr::Lit(_) => Err(syn::Error::new_spanned(
            &expr,
            "`tags` takes a list: `tags = [\"users\"]`; for one tag write `tag = …`",
        )),
        _ => Ok(vec![Tag::Many(expr)]),
    }
}

fn single(expr: Expr) -> syn::Result<Tag> {
    match bare(&expr) {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Str(text) => Ok(Tag::Literal(text.clone())),
            _ => Err(syn::Error::new_spanned(&expr, "a tag is a text, like \"users\"")),
        },
        Expr::Closure(_) => Err(syn::Error::new_spanned(&expr, "a closure stands alone: `tags = |value| […]`")),
        _ => Ok(Tag::One(expr)),
    }
}
