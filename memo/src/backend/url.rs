//! A store's URL: `scheme://location?name=value&…`.

use std::{borrow::Cow, fmt, ops::Range, path::PathBuf};

use percent_encoding::percent_decode_str;

use super::{
    fault::{self, DURATION, Fault, SIZE},
    params,
    syntax::{self, Part},
};
use crate::error::Error;

/// A URL that a store is opened by, taken apart and checked.
///
/// The form is `scheme://location?name=value&…`. Location and values may contain `%xx`; neither `+` nor anything else
/// stands for a space.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    text: String,
    scheme: String,
    location: String,
    params: Vec<(String, String)>,
}

impl Url {
    /// Takes a URL apart. Parameters of the library's own schemes are checked; those of others are theirs to check.
    ///
    /// # Errors
    ///
    /// Names the part that is wrong and what is allowed in its place.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (shown, masked) = (shown(text), masked(text));
        // Words about a part of the URL, too, are free of its password.
        let config = |fault: Fault| Error::config(fault.describe(&shown, &masked).to_string());
        let decoded = |part: Part| {
            let decoded = percent_decode_str(part.of(text)).decode_utf8().map(Cow::into_owned);
            decoded.map_err(|_| Error::config(format!("`{}` in `{shown}` is not UTF-8", part.of(&masked))))
        };
        if let Some(fault) = fault::fault(text) {
            return Err(config(fault));
        }
        let parts = syntax::split(text).ok_or_else(|| config(Fault::NoScheme))?;
        let scheme = parts.scheme.of(text);
        let mut url = Self {
            text: text.to_owned(),
            scheme: scheme.to_owned(),
            location: decoded(parts.location)?,
            params: Vec::new(),
        };
        let mut at = parts.query.start;
        while at < parts.query.end {
            let (name, value, next) = syntax::next_param(text, at).map_err(|part| config(Fault::Malformed(part)))?;
            url.add(name.of(text), decoded(value)?)?;
            at = next;
        }
        Ok(url)
    }

    fn add(&mut self, name: &str, value: String) -> Result<(), Error> {
        if let Some(param) = params::scheme_of(&self.scheme).and_then(|scheme| params::find(scheme, name))
            && !params::takes(&param.takes, &value)
        {
            return Err(Error::config(fault::wrong_value(&self.shown(), param, &value).to_string()));
        }
        self.params.push((name.to_owned(), value));
        Ok(())
    }

    /// Refuses a URL of another scheme: its parameters were not checked by the table of this one.
    #[cfg(any(feature = "sqlite", feature = "file", feature = "lmdb", feature = "servers"))]
    pub(super) fn expect_scheme(&self, allowed: &[&str]) -> Result<(), Error> {
        if allowed.contains(&self.scheme()) {
            return Ok(());
        }
        let allowed: Vec<_> = allowed.iter().map(|scheme| format!("`{scheme}://…`")).collect();
        Err(Error::config(format!("this store is opened by a URL {}, not by `{self}`", allowed.join(" or "))))
    }

    /// What stands before `://`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What stands between `://` and `?`, decoded.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The same as it was written.
    #[cfg(feature = "servers")]
    pub(super) fn raw_location(&self) -> &str {
        syntax::split(&self.text).map_or("", |parts| parts.location.of(&self.text))
    }

    /// The location as a path; `None` if it is empty.
    pub fn path(&self) -> Option<PathBuf> {
        (!self.location.is_empty()).then(|| PathBuf::from(&self.location))
    }

    /// The value of a parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// All parameters in their order.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(name, value)| (&**name, &**value))
    }

    /// A whole number.
    ///
    /// # Errors
    ///
    /// If the value is none.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, Error> {
        self.read(name, syntax::integer, "a whole number")
    }

    /// A duration (`250ms`, `5m`, or seconds), in milliseconds.
    ///
    /// # Errors
    ///
    /// If the value is none.
    pub fn duration(&self, name: &str) -> Result<Option<u64>, Error> {
        self.read(name, syntax::duration, DURATION)
    }

    /// A size (`64MiB`, `1GB`, or bytes), in bytes.
    ///
    /// # Errors
    ///
    /// If the value is none.
    pub fn size(&self, name: &str) -> Result<Option<u64>, Error> {
        self.read(name, syntax::size, SIZE)
    }

    fn read<T>(&self, name: &str, read: impl Fn(&str) -> Option<T>, allowed: &str) -> Result<Option<T>, Error> {
        let Some(value) = self.param(name) else { return Ok(None) };
        let wrong = || Error::config(format!("`{name}={value}` in `{}`: expected {allowed}", self.shown()));
        read(value).ok_or_else(wrong).map(Some)
    }

    /// The URL without what nobody should read in a log: the password of a `user:password@host`.
    pub fn shown(&self) -> String {
        shown(&self.text)
    }

    /// The URL as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({})", self.shown())
    }
}

fn shown(text: &str) -> String {
    password(text)
        .map_or_else(|| text.to_owned(), |secret| format!("{}***{}", &text[..secret.start], &text[secret.end..]))
}

/// A text of the same length, so that parts of the URL are where they were.
fn masked(text: &str) -> String {
    let stars =
        |secret: Range<usize>| format!("{}{}{}", &text[..secret.start], "*".repeat(secret.len()), &text[secret.end..]);
    password(text).map_or_else(|| text.to_owned(), stars)
}

/// Where the password may be: from the first `:` to the last `@`. It should have no `/`, `?` or `@` in it, but people forget
/// to escape them; an `@` in the value of a parameter ends none. What is known to be a path has none.
fn password(text: &str) -> Option<Range<usize>> {
    let start = text.find("://").map_or(0, |at| at + 3);
    let scheme = text[..start].strip_suffix("://").and_then(params::scheme_of);
    if scheme.is_some_and(|scheme| params::SCHEMES[scheme].location == params::Location::Path) {
        return None;
    }
    let query = text[start..].find('?').map_or(text.len(), |at| start + at);
    let first_value = text[query..].find('=').map_or(text.len(), |at| query + at);
    let end = start + text[start..first_value].rfind('@')?;
    let colon = start + text[start..end].find(':')?;
    Some(colon + 1..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str) -> String {
        Url::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn parts() {
        let url = Url::parse("memory://a.b?codec=json&ttl=5m").expect("valid");
        assert_eq!((url.scheme(), url.location(), url.param("codec")), ("memory", "a.b", Some("json")));
        assert_eq!(url.duration("ttl").expect("a duration"), Some(300_000));
        let url = Url::parse("s3://bucket/a%20b?x=%26").expect("valid");
        assert_eq!((url.location(), url.param("x")), ("bucket/a b", Some("&")));
    }

    #[test]
    fn every_fault_names_the_value_and_what_is_allowed() {
        for (text, said) in [
            ("cache.db", "scheme://"),
            ("://x", "scheme://"),
            ("memory://a/b", "is no name"),
            ("null://x", "takes nothing before `?`"),
            ("memory://?syncronous=off", "knows no parameter `syncronous`"),
            ("memory://?key_style=pretty", "expected one of `readable`, `hashed`"),
            ("memory://?level=99", "from -7 to 22"),
            ("memory://?ttl=soon", "a duration such as"),
            ("memory://?codec", "expected `name=value`"),
            ("memory://?ttl=1s&ttl=2s", "says `ttl` twice"),
            ("memory://?key_style=%70retty", "`key_style=pretty`"),
            ("memory://?codec=%ff", "not UTF-8"),
        ] {
            let message = fails(text);
            assert!(message.contains(said), "{text}: {message}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let url = Url::parse("srv://me:secret@host/1?x=a@b").expect("valid");
        assert_eq!(url.to_string(), "srv://me:***@host/1?x=a@b");
        assert_eq!(format!("{url:?}"), "Url(srv://me:***@host/1?x=a@b)");
        for text in [
            "srv://me:sec/ret@host/1",
            "srv://me:sec@ret@host/1?x=1",
            "srv://me:sec?ret@host/1?x=a@b",
            "srv://me:/secret/@host",
            "srv://:secret@host",
        ] {
            let shown = Url::parse(text).map_or_else(|error| error.to_string(), |url| url.to_string());
            assert!(!shown.contains("sec") && !shown.contains("ret@") && shown.contains("host"), "{text}: {shown}");
        }
        for harmless in ["srv://host:6379/1?x=a@b", "srv://me@host", "file:///c:/me@here", "file:///a@b/c:d"] {
            assert_eq!(shown(harmless), harmless);
        }
    }

    #[test]
    fn passwords_are_not_shown_by_errors_either() {
        for (text, said) in [
            ("srv://me:secret%ff@host/1", "not UTF-8"),
            ("srv://me:secret@host/1?x=%ff", "not UTF-8"),
            ("srv://me:secret@host/1?x", "expected `name=value`"),
            ("srv://me:sec?ret@host/1", "expected `name=value`"),
            ("srv://me:secret@host/1?x=1&x=2", "twice"),
            ("null://me:secret@host", "takes nothing"),
            ("memory://me:secret@host", "is no name"),
            ("srv:me:secret@host", "no URL"),
        ] {
            let message = fails(text);
            assert!(message.contains(said), "{text}: {message}");
            assert!(!message.contains("sec") && !message.contains("ret@"), "{text}: {message}");
        }
    }
}
