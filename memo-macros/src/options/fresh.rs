//! Values of options about values that are not fresh.

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::{Expr, Lit, Token, UnOp};

use super::{bare, duration, value};
use crate::errors::shown;

/// How old a value may be, in milliseconds.
pub(super) fn window(word: &Ident, input: ParseStream<'_>) -> syn::Result<u64> {
    let expr: Expr = value(word, input, &format!("{word} = \"10m\""))?.parse()?;
    duration::literal(&expr).unwrap_or_else(|| {
        Err(syn::Error::new_spanned(
            &expr,
            format!("`{word}` is a number of seconds like `600` or a text like \"10m\"; it can't be computed"),
        ))
    })
}

/// β of an early refresh: alone, the word means 1.
pub(super) fn beta(word: &Ident, input: ParseStream<'_>) -> syn::Result<f64> {
    const ALLOWED: &str =
        "write a number above 0, like `early_refresh = 1.0`; larger ones refresh earlier, and 1 is right for most";
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(1.0);
    }
    let expr: Expr = value(word, input, "early_refresh = 1.0")?.parse()?;
    let number = match bare(&expr) {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Int(int) => int.base10_parse().ok(),
            Lit::Float(float) => float.base10_parse().ok(),
            _ => None,
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => Some(-1.0),
        _ => None,
    };
    match number {
        Some(beta) if beta > 0.0 && f64::is_finite(beta) => Ok(beta),
        Some(_) => Err(syn::Error::new_spanned(&expr, format!("a β of `{}` never refreshes; {ALLOWED}", shown(&expr)))),
        None => Err(syn::Error::new_spanned(&expr, format!("`{}` is no β; {ALLOWED}", shown(&expr)))),
    }
}

/// A probe: an expression over the arguments.
pub(super) fn dependency(word: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    const EXAMPLE: &str = "dependency = memo::probe::file_mtime(path)";
    let probe: Expr = value(word, input, EXAMPLE)?.parse()?;
    match bare(&probe) {
        Expr::Lit(_) | Expr::Closure(_) => Err(syn::Error::new_spanned(
            &probe,
            format!("`{word}` takes a probe, an expression over the arguments: `{EXAMPLE}`"),
        )),
        _ => Ok(probe),
    }
}
