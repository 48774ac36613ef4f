//! The option `cache`: an expression that gives the object whose entries are used.

use proc_macro2::Ident;
use syn::Expr;
use syn::parse::ParseStream;

use super::{bare, value};

pub(super) fn cache(word: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    let expr: Expr = value(word, input, "cache = SESSIONS")?.parse()?;
    match bare(&expr) {
        Expr::Closure(_) => Err(syn::Error::new_spanned(
            &expr,
            "`cache` takes an expression, which sees the arguments as it is; write it without the closure",
        )),
        Expr::Lit(_) => Err(syn::Error::new_spanned(
            &expr,
            "`cache` takes an object, like `cache = SESSIONS` or `cache = self.cache`; a URL goes into `backend = \"…\"`",
        )),
        _ => Ok(expr),
    }
}
