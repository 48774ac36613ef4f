//! The values of single options: lifetimes, bounds, policies, switches.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::parse::{Parse as _, ParseStream};
use syn::{Expr, Lit, LitBool, LitStr, Token};

use super::{bare, duration, value};

/// How long something lives.
pub(crate) enum Lifetime {
    /// Milliseconds.
    Fixed(u64),
    /// An expression over the arguments.
    Expr(Expr),
    /// A closure over the value.
    PerValue(Expr),
}

impl Lifetime {
    pub(super) fn parse(word: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        let expr: Expr = value(word, input, &format!("{word} = \"5m\""))?.parse()?;
        if let Some(fixed) = duration::literal(&expr) {
            return fixed.map(Self::Fixed);
        }
        let per_value = matches!(bare(&expr), Expr::Closure(_));
        Ok(if per_value { Self::PerValue(expr) } else { Self::Expr(expr) })
    }
}

/// A random addition to the time to live.
pub(crate) enum Jitter {
    Millis(u64),
    Fraction(f64),
}

impl Jitter {
    pub(super) fn parse(word: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        const ALLOWED: &str =
            "write a share of the ttl between 0 and 1 like `0.1`, or a duration in quotes like \"30s\"";
        let expr: Expr = value(word, input, "jitter = 0.1")?.parse()?;
        let error = |message: String| Err(syn::Error::new_spanned(&expr, message));
        let Expr::Lit(lit) = bare(&expr) else {
            return error(format!("`{}` is no jitter; {ALLOWED}", crate::errors::shown(&expr)));
        };
        let fraction = match &lit.lit {
            Lit::Str(_) => {
                return duration::literal(&expr)
                    .map_or_else(|| error(ALLOWED.to_owned()), |millis| millis.map(Self::Millis));
            }
            Lit::Int(int) => int.base10_parse::<f64>()?,
            Lit::Float(float) => float.base10_parse::<f64>()?,
            _ => {
                return error(format!("`{}` is no jitter; {ALLOWED}", crate::errors::shown(&expr)));
            }
        };
        if (0.0..=1.0).contains(&fraction) {
            Ok(Self::Fraction(fraction))
        } else {
            error(format!("a jitter of `{}` is out of range; {ALLOWED}", crate::errors::shown(&expr)))
        }
    }
}

/// A bound of the store.
pub(crate) enum Bound {
    Fixed(u64),
    Const(Expr),
}

impl Bound {
    pub(super) fn parse(word: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        let expr: Expr = value(word, input, &format!("{word} = 10_000"))?.parse()?;
        let error = |message: String| Err(syn::Error::new_spanned(&expr, message));
        match bare(&expr) {
            Expr::Lit(lit) => match &lit.lit {
                Lit::Int(int) => match int.base10_parse::<u64>()? {
                    0 => error(format!("`{word} = 0` would store nothing; give at least 1, or remove the attribute")),
                    bound => Ok(Self::Fixed(bound)),
                },
                _ => error(format!("`{word}` is a whole number, like `{word} = 10_000`")),
            },
            Expr::Unary(_) | Expr::Closure(_) => {
                error(format!("`{word}` is a whole number of at least 1, like `{word} = 10_000`"))
            }
            _ => Ok(Self::Const(expr)),
        }
    }
}

/// Who goes first when the store is full.
#[derive(Clone, Copy)]
pub(crate) enum Policy {
    S3Fifo,
    Lru,
    Lfu,
    Fifo,
}

impl Policy {
    pub(super) fn parse(word: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        let names = [("s3-fifo", Self::S3Fifo), ("lru", Self::Lru), ("lfu", Self::Lfu), ("fifo", Self::Fifo)];
        choice(word, input, "policy", &names)
    }
}

/// Who runs the body once.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum SingleFlight {
    /// Nobody waits for another.
    Off,
    /// The callers of this process.
    Process,
    /// All who share the store.
    Distributed,
}

impl SingleFlight {
    pub(super) fn parse(word: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        const ALLOWED: &str = "`single_flight` takes `true`, `false` or \"distributed\"";
        let input = value(word, input, "single_flight = false")?;
        if input.peek(LitBool) {
            let is_on = input.parse::<LitBool>()?.value;
            return Ok(if is_on { Self::Process } else { Self::Off });
        }
        if !input.peek(LitStr) {
            return Err(input.error(ALLOWED));
        }
        let text: LitStr = input.parse()?;
        if text.value() == "distributed" { Ok(Self::Distributed) } else { Err(syn::Error::new(text.span(), ALLOWED)) }
    }
}

/// What a follower does whose wait took too long.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum OnTimeout {
    Run,
    Fail,
}

impl OnTimeout {
    pub(super) fn parse(word: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        choice(word, input, "way to go on", &[("run", Self::Run), ("fail", Self::Fail)])
    }
}

/// Who shares the entries.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Scope {
    Process,
    Thread,
}

impl Scope {
    pub(super) fn parse(word: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        choice(word, input, "scope", &[("process", Self::Process), ("thread", Self::Thread)])
    }
}

/// One of some texts.
pub(super) fn choice<T: Copy>(word: &Ident, input: ParseStream<'_>, what: &str, names: &[(&str, T)]) -> syn::Result<T> {
    let list: Vec<String> = names.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let allowed = format!("allowed are {}", list.join(", "));
    let input = value(word, input, &format!("{word} = {}", list[0]))?;
    if !input.peek(LitStr) {
        return Err(input.error(format!("`{word}` takes a text; {allowed}")));
    }
    let text: LitStr = input.parse()?;
    let written = text.value();
    if let Some((_, chosen)) = names.iter().find(|(name, _)| *name == written) {
        return Ok(*chosen);
    }
    let message = match crate::suggest::did_you_mean(&written.to_lowercase(), names.iter().map(|(name, _)| *name)) {
        Some(near) => format!("unknown {what} \"{written}\", did you mean \"{near}\"? {allowed}"),
        None => format!("the {what} \"{written}\" is not available: {allowed}"),
    };
    Err(syn::Error::new(text.span(), message))
}

/// An option that is only a word.
pub(super) fn flag(word: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![=]) || input.peek(syn::token::Paren) {
        return Err(syn::Error::new(
            word.span(),
            format!("`{word}` is a flag: write it without a value, or leave it away"),
        ));
    }
    Ok(())
}

pub(super) fn weigh(word: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    value(word, input, "weigh = |key, value| value.len() as u64")?.parse()
}

/// A closure or function that gives a `bool`.
pub(super) fn test(word: &Ident, input: ParseStream<'_>, example: &str) -> syn::Result<Expr> {
    let test: Expr = value(word, input, example)?.parse()?;
    match bare(&test) {
        Expr::Lit(_) => Err(syn::Error::new_spanned(&test, format!("`{word}` takes a closure: `{example}`"))),
        _ => Ok(test),
    }
}

pub(super) fn timeout(word: &Ident, input: ParseStream<'_>) -> syn::Result<u64> {
    let expr: Expr = value(word, input, &format!("{word} = \"2s\""))?.parse()?;
    match duration::literal(&expr) {
        Some(millis) => millis,
        None => Err(syn::Error::new_spanned(
            &expr,
            format!("`{word}` is a number of seconds like `0.5` or a text like \"2s\"; it can't be computed"),
        )),
    }
}

pub(super) fn name(word: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let input = value(word, input, "name = \"users\"")?;
    if !input.peek(LitStr) {
        return Err(input.error("`name` takes a text: `name = \"users\"`"));
    }
    let text: LitStr = input.parse()?;
    if text.value().is_empty() {
        return Err(syn::Error::new(text.span(), "the name is empty; write one, or leave `name` away"));
    }
    Ok(text)
}

/// A path, or a path in quotes.
pub(super) fn krate(word: &Ident, input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let input = value(word, input, "crate = my_memo")?;
    if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        return text.parse_with(syn::Path::parse_mod_style).map(|path| path.to_token_stream()).map_err(|_| {
            syn::Error::new(text.span(), format!("`{}` is no path; write `crate = my_memo`", text.value()))
        });
    }
    syn::Path::parse_mod_style(input).map(|path| path.to_token_stream())
}

/// The name of a type to make.
pub(super) fn handle(word: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
    let input = value(word, input, "handle = UserCache")?;
    let name = Ident::parse(input)
        .map_err(|error| syn::Error::new(error.span(), "`handle` takes a new type's name: `handle = UserCache`"))?;
    let text = name.to_string();
    if text.contains('_') || !text.starts_with(char::is_uppercase) {
        return Err(syn::Error::new(
            name.span(),
            format!("`{text}` is no name for a type; write it in UpperCamelCase: `handle = UserCache`"),
        ));
    }
    Ok(name)
}
