//! What is wrong with a URL, and the words for it: while the program compiles where the URL is a literal, and when a store
//! is opened.

use super::{
    params::{COMMON, Location, Param, SCHEMES, Scheme, Takes, find, fits, scheme_of, takes},
    syntax::{Part, has_percent, is_said_before, next_param, split},
};
use crate::message::Message;

/// What is wrong with a URL. Ranges are those of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is no `scheme://` in front.
    NoScheme,
    /// A known scheme without its feature: its number in [`SCHEMES`].
    Feature(usize),
    /// There is something where nothing or only a name may be.
    Location(usize, Part),
    /// A parameter that the scheme does not know.
    Unknown(usize, Part),
    /// A value that the parameter does not take.
    Value(&'static Param, Part),
    /// A parameter without `=`, or `=` without a name.
    Malformed(Part),
    /// A parameter that was there before.
    Twice(Part),
}

/// The first thing that is wrong with a URL. Of schemes that are not the library's own, only the form is looked at.
pub(crate) const fn fault(text: &str) -> Option<Fault> {
    let Some(parts) = split(text) else { return Some(Fault::NoScheme) };
    let scheme = scheme_of(parts.scheme.of(text));
    if let Some(number) = scheme {
        if let Some((_, false)) = SCHEMES[number].feature {
            return Some(Fault::Feature(number));
        }
        if !fits(SCHEMES[number].location, parts.location.of(text)) {
            return Some(Fault::Location(number, parts.location));
        }
    }
    let mut at = parts.query.start;
    while at < parts.query.end {
        let (name, value, next) = match next_param(text, at) {
            Ok(found) => found,
            Err(part) => return Some(Fault::Malformed(part)),
        };
        if is_said_before(text, parts.query.start, name) {
            return Some(Fault::Twice(name));
        }
        if let Some(number) = scheme {
            match find(number, name.of(text)) {
                None => return Some(Fault::Unknown(number, name)),
                // What is escaped is looked at when it is read.
                Some(param) if !has_percent(value.of(text)) && !takes(&param.takes, value.of(text)) => {
                    return Some(Fault::Value(param, value));
                }
                Some(_) => {}
            }
        }
        at = next;
    }
    None
}

impl Fault {
    /// What is wrong with `text`, which is shown as `url`, and what is allowed.
    pub(crate) const fn describe(self, url: &str, text: &str) -> Message {
        let message = Message::new();
        match self {
            Self::NoScheme => no_scheme(url),
            Self::Feature(scheme) => {
                let scheme = &SCHEMES[scheme];
                let feature = if let Some((feature, _)) = scheme.feature { feature } else { "" };
                message
                    .text("`")
                    .text(scheme.name)
                    .text("://` needs the cargo feature ")
                    .value(feature)
                    .text(" of `memo`")
            }
            Self::Location(scheme, part) => wrong_location(url, &SCHEMES[scheme], part.of(text)),
            Self::Unknown(scheme, part) => {
                let message = message.text("`").text(SCHEMES[scheme].name).text("://` knows no parameter ");
                let message = message.value(part.of(text)).text("; it knows ");
                param_names(param_names(message, SCHEMES[scheme].params, 0), COMMON, SCHEMES[scheme].params.len())
            }
            Self::Value(param, part) => wrong_value(url, param, part.of(text)),
            Self::Malformed(part) => {
                let message = message.value(part.of(text)).text(" in ").value(url);
                message.text(" is no parameter: expected `name=value`")
            }
            Self::Twice(part) => message.value(url).text(" says ").value(part.of(text)).text(" twice"),
        }
    }
}

const fn wrong_location(url: &str, scheme: &Scheme, location: &str) -> Message {
    if matches!(scheme.location, Location::Name) {
        let message = Message::new().value(location).text(" in ").value(url);
        return message.text(" is no name: letters, digits, `_`, `-` and `.` are allowed, `.` not as the first");
    }
    if matches!(scheme.location, Location::Server) {
        let message = Message::new().value(url).text(" says no server: expected `").text(scheme.name);
        return message.text("://host`, with a port and more if need be");
    }
    let message = Message::new().text("`").text(scheme.name).text("://` takes nothing before `?`, but ");
    message.value(url).text(" says ").value(location)
}

/// A value that a parameter does not take, and what it takes.
pub(crate) const fn wrong_value(url: &str, param: &Param, value: &str) -> Message {
    let message = Message::new().text("`").text(param.name).text("=").cut(value).text("` in ").value(url);
    let message = message.text(": expected ");
    match param.takes {
        Takes::Integer(least, i64::MAX) => message.text("a whole number of at least ").number(least),
        Takes::Integer(least, most) => message.text("a whole number from ").number(least).text(" to ").number(most),
        Takes::OneOf(allowed) => message.text("one of ").values(allowed),
        Takes::Duration => message.text(DURATION),
        Takes::Size => message.text(SIZE),
        Takes::Name => message.text("a name of letters, digits and `_`, at most 64, that does not begin with a digit"),
        Takes::Text => message.text("a value"),
    }
}

pub(crate) const DURATION: &str = "a duration such as `250ms`, `30s`, `5m` (or seconds)";
pub(crate) const SIZE: &str = "a size such as `64MiB`, `1GB` (or bytes)";

const fn no_scheme(url: &str) -> Message {
    let message = Message::new().value(url);
    let message = message.text(" is no URL of a store: expected `scheme://…`, where the scheme is one of ");
    let (mut message, mut at, mut listed) = (message, 0, 0);
    while at < SCHEMES.len() {
        if SCHEMES[at].is_built_in() {
            message = message.item(listed, SCHEMES[at].name);
            listed += 1;
        }
        at += 1;
    }
    message.text(" or one that was registered")
}

/// The names of parameters in a list that has so many items already.
const fn param_names(mut message: Message, params: &[Param], listed: usize) -> Message {
    let mut at = 0;
    while at < params.len() {
        message = message.item(listed + at, params[at].name);
        at += 1;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_can_be_checked_while_compiling() {
        const GOOD: Option<Fault> = fault("memory://sessions?codec=json&ttl=5m");
        const BAD: Option<Fault> = fault("memory://sessions?key_style=pretty");
        assert_eq!(GOOD, None);
        assert!(matches!(BAD, Some(Fault::Value(param, _)) if param.name == "key_style"));
    }

    #[test]
    fn the_form_is_looked_at_whatever_the_scheme() {
        let kinds = ["s3://b?x", "s3://b?=1", "s3://b?x=1&y=2&x=3", "s3://b?x=1&xx=2"].map(fault);
        let [no_value, no_name, twice, similar] = kinds;
        assert!(matches!((no_value, no_name), (Some(Fault::Malformed(_)), Some(Fault::Malformed(_)))));
        assert!(matches!((twice, similar), (Some(Fault::Twice(_)), None)));
    }

    #[test]
    fn what_is_allowed_is_said_of_long_urls_too() {
        let url = format!("memory://a?codec={}&level=99", "x".repeat(10_000));
        let message = fault(&url).expect("a fault").describe(&url, &url).to_string();
        assert!(message.contains("level=99") && message.ends_with("from -7 to 22"), "{message}");
    }
}
