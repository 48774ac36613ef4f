//! What an attribute says about stores in literals, checked when the program is compiled.

use crate::{
    backend::{self, Part},
    wire,
};

/// A URL of `backend`.
///
/// # Panics
/// If something is wrong with it; that is when the program is compiled.
#[track_caller]
pub const fn url(text: &str) {
    if let Some(fault) = backend::fault(text) {
        panic!("{}", fault.describe(text, text).as_str());
    }
    if let Some(chain) = codec_of(text)
        && let Some(fault) = wire::fault(chain)
    {
        panic!("{}", wire::in_text(text, fault.as_str()).as_str());
    }
}

/// The text of `codec`.
///
/// # Panics
/// As [`url`].
#[track_caller]
pub const fn codec(text: &str) {
    if let Some(fault) = wire::fault(text) {
        panic!("{}", wire::in_text(text, fault.as_str()).as_str());
    }
}

/// What a URL says about the codec, unless something in it is escaped.
const fn codec_of(url: &str) -> Option<&str> {
    let Some(parts) = backend::split(url) else { return None };
    let mut at = parts.query.start;
    while at < parts.query.end {
        let Ok((name, value, next)) = backend::next_param(url, at) else { return None };
        if backend::same(name.of(url), "codec") {
            return unescaped(url, value);
        }
        at = next;
    }
    None
}

const fn unescaped(url: &str, part: Part) -> Option<&str> {
    let text = part.of(url);
    if backend::has_percent(text) { None } else { Some(text) }
}
