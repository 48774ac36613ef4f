//! Durations as users write them: a number of seconds or a text such as `"1h30m"`.

use syn::{Expr, Lit, UnOp};

const ALLOWED: &str = "write a number of seconds like `300` or `0.5`, or a text like \"250ms\", \"5m\", \"1h30m\" (units: ms, s, m, h, d, w)";

/// The value of a literal in milliseconds; `None` if the expression is no literal.
pub(crate) fn literal(expr: &Expr) -> Option<syn::Result<u64>> {
    let value = match super::bare(expr) {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Int(int) => int.base10_parse::<u64>().ok().map_or_else(too_long, whole_seconds),
            Lit::Float(float) => float.base10_parse::<f64>().map_or_else(|_| too_long(), seconds),
            Lit::Str(text) => parse(&text.value()),
            _ => Err(format!("this is no duration; {ALLOWED}")),
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) && is_number(&unary.expr) => {
            Err(format!("a duration can't be negative; {ALLOWED}"))
        }
        _ => return None,
    };
    Some(value.map_err(|message| syn::Error::new_spanned(expr, message)))
}

/// The milliseconds of a text: numbers with units, one after the other.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let mut rest = text.trim();
    if rest.starts_with('-') {
        return Err(format!("the duration `{text}` is negative; {ALLOWED}"));
    }
    let malformed = || format!("`{text}` is no duration; {ALLOWED}");
    let mut total = 0.0;
    if rest.is_empty() {
        return Err(malformed());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').ok_or_else(malformed)?;
        let number: f64 = rest[..digits].replace('_', "").parse().map_err(|_| malformed())?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let unit = unit(&rest[..letters]).ok_or_else(malformed)?;
        total += number * unit;
        rest = rest[letters..].trim_start();
    }
    millis(total)
}

fn unit(name: &str) -> Option<f64> {
    Some(match name {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        "w" => 604_800_000.0,
        _ => return None,
    })
}

fn whole_seconds(seconds: u64) -> Result<u64, String> {
    seconds.checked_mul(1_000).map_or_else(too_long, Ok)
}

fn seconds(seconds: f64) -> Result<u64, String> {
    millis(seconds * 1_000.0)
}

/// Rounded up: what is above zero must not become zero, which means "expired at once".
fn millis(value: f64) -> Result<u64, String> {
    // Beyond 2^53 a float no longer holds whole milliseconds; that is 285,000 years.
    if !value.is_finite() || value > 9_007_199_254_740_992.0 {
        return too_long();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked just above, and never negative"
    )]
    let whole = (value - 1e-6).ceil() as u64;
    Ok(if value > 0.0 { whole.max(1) } else { whole })
}

fn too_long<T>() -> Result<T, String> {
    Err("this duration is too long to count; leave it away for no limit".to_owned())
}

fn is_number(expr: &Expr) -> bool {
    matches!(super::bare(expr), Expr::Lit(lit) if matches!(lit.lit, Lit::Int(_) | Lit::Float(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        assert_eq!(parse("5m"), Ok(300_000));
        assert_eq!(parse("1h30m"), Ok(5_400_000));
        assert_eq!(parse("1h 30m"), Ok(5_400_000));
        assert_eq!(parse("250ms"), Ok(250));
        assert_eq!(parse("1.5s"), Ok(1_500));
        assert_eq!(parse("0s"), Ok(0));
        assert_eq!(parse("2w"), Ok(1_209_600_000));
    }

    #[test]
    fn malformed_texts_say_what_is_allowed() {
        for text in ["", "5", "m", "5x", "5m3", "1..2s", "ten minutes", "5 m x"] {
            let message = parse(text).expect_err(text);
            assert!(message.contains("250ms"), "{text}: {message}");
        }
        assert!(parse("-5m").expect_err("negative").contains("negative"));
    }

    #[test]
    fn literals() {
        let of = |text| literal(&syn::parse_str(text).expect("expression"));
        assert_eq!(of("300").expect("literal").expect("valid"), 300_000);
        assert_eq!(of("0.5").expect("literal").expect("valid"), 500);
        assert_eq!(of("0.0000001").expect("literal").expect("valid"), 1);
        assert_eq!(of("300u64").expect("literal").expect("valid"), 300_000);
        assert!(of("-1").expect("literal").is_err());
        assert!(of("1e999").expect("literal").is_err());
        assert!(of("true").expect("literal").is_err());
        assert!(of("30 * 60").is_none());
        assert!(of("Duration::from_secs(x)").is_none());
    }
}
