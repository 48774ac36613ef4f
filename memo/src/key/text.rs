//! Keys as text: what byte stores compare, and what people read. What serde writes of two keys of a type has one text if it is
//! the same, and two otherwise, whatever the process, the machine and the order of a map.
//!
//! The notation is that of Rust literals, as far as it goes: `7`, `"x"`, `Some(1.5)`, `{id:7,name:"x"}`, `["a","b"]`.
//!
//! Texts know no more of a key than its `Serialize` tells: keys that differ in a skipped field only have one text, and so have
//! `A(1)` and `B(1)` of an `untagged` enum. A set that serde writes as a sequence has the order that its iteration has.

mod serializer;

use std::fmt::{self, Display, Write as _};

use serde::ser::{self, Serialize};

use crate::error::Error;

/// A text that a key is being written into.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    /// What is written stands behind this.
    pub(crate) fn behind(begun: String) -> Self {
        Self(begun)
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// Writes a part of a key that serde knows.
    ///
    /// # Errors
    /// What it says cannot be serialized.
    pub(crate) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self).map_err(|error| Error::encoding(format!("a key can't be written: {error}")))
    }

    /// Writes several parts between brackets.
    pub(crate) fn list<T>(
        &mut self,
        (open, close): (char, char),
        parts: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.0.push(open);
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            write(self, part)?;
        }
        self.0.push(close);
        Ok(())
    }

    /// Writes several parts in the order of their texts.
    pub(crate) fn sorted<T>(
        &mut self,
        parts: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let texts = parts.into_iter().map(|part| {
            let mut text = Self::default();
            write(&mut text, part).map(|()| text.0)
        });
        let mut texts = texts.collect::<Result<Vec<_>, _>>()?;
        texts.sort_unstable();
        self.list(('{', '}'), texts, |to, text| {
            to.0.push_str(&text);
            Ok(())
        })
    }

    pub(crate) fn put(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// Writes a text so that it ends where it ends, and holds neither control characters nor the separator of keys.
    fn quoted(&mut self, quote: char, text: &str) {
        self.0.push(quote);
        for c in text.chars() {
            match c {
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                c if c == quote || c.is_control() || c == '|' => {
                    let _ = write!(self.0, "\\u{{{:x}}}", u32::from(c));
                }
                c => self.0.push(c),
            }
        }
        self.0.push(quote);
    }

    /// Writes the name of a field or a variant: whatever is no identifier (a `rename` can be any text) between backticks, which
    /// begin nothing else.
    fn name(&mut self, name: &str) {
        let mut chars = name.chars();
        let begins = chars.next().is_some_and(|c| c == '_' || c.is_alphabetic());
        if begins && chars.all(|c| c == '_' || c.is_alphanumeric()) {
            self.put(name);
        } else {
            self.quoted('`', name);
        }
    }

    fn float(&mut self, value: f64, shortest: impl fmt::Debug) {
        if value == 0.0 {
            // One zero.
            self.0.push_str("0.0");
        } else {
            let _ = write!(self.0, "{shortest:?}");
        }
    }
}

/// Why a key can't be written.
#[derive(Debug)]
pub struct Failed(String);

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl ser::Error for Failed {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{HashMap, HashSet},
        num::NonZeroU8,
    };

    use serde::Serialize;

    use super::Text;

    fn text<T: Serialize + ?Sized>(value: &T) -> String {
        let mut text = Text::default();
        text.value(value).expect("can be written");
        text.into_string()
    }

    #[derive(Serialize)]
    struct User {
        id: u64,
        name: &'static str,
    }

    #[derive(Serialize)]
    enum Shape {
        Dot,
        Circle(f64),
        Line(u8, u8),
        Rect { w: u8 },
    }

    #[test]
    fn the_notation() {
        assert_eq!(text(&(7, "x", true)), r#"(7,"x",true)"#);
        assert_eq!(text(&Some(1.5)), "Some(1.5)");
        assert_eq!((text(&None::<u8>), text(&Some(None::<u8>))), ("None".into(), "Some(None)".into()));
        assert_eq!(text(&User { id: 7, name: "x" }), r#"{id:7,name:"x"}"#);
        let shapes = [Shape::Dot, Shape::Circle(0.5), Shape::Line(1, 2), Shape::Rect { w: 3 }];
        assert_eq!(text(&shapes), "(Dot,Circle(0.5),Line(1,2),Rect{w:3})");
        assert_eq!((text(&-0.0_f64), text(&f64::NAN), text(&0.1_f32)), ("0.0".into(), "NaN".into(), "0.1".into()));
        assert_eq!(text(&vec![1_u8, 2]), "[1,2]");
        assert_eq!(text(&'|'), r"'\u{7c}'");
    }

    #[test]
    fn texts_end_where_they_end() {
        let all = ["a", "a\"", "\"", "\\", "\\\"", "a|b", "a\u{7c}", "\\u{7c}", "\n", "\\n", "\0", "ä", ""];
        let texts: Vec<_> = all.iter().map(text).collect();
        for (one, of) in texts.iter().zip(all) {
            assert_eq!(texts.iter().filter(|other| *other == one).count(), all.iter().filter(|a| **a == of).count());
            assert!(!one.contains('|') && !one.contains('\0'), "{one}");
        }
        assert_ne!(text(&("a", "b,c")), text(&("a,b", "c")));
        assert_ne!(text(&["a\",\"b"]), text(&["a", "b"]));
    }

    /// Names are texts of the user's, too: `rename` can make anything of them.
    #[test]
    fn names_end_where_they_end() {
        #[derive(Serialize)]
        enum Hostile {
            A(u8),
            #[serde(rename = "A(1)")]
            LooksLikeA,
            #[serde(rename = "a|b")]
            Separator,
            #[serde(rename = "a`b\\\n")]
            Quotes,
            #[serde(rename = "\"x\"")]
            LooksLikeText,
            #[serde(rename = "name,asc")]
            List(u8, u8),
            #[serde(rename = "T{a:1}")]
            LooksLikeT,
            T {
                a: u8,
            },
            #[serde(rename = "")]
            Empty {
                #[serde(rename = "first-name")]
                a: u8,
            },
        }
        #[derive(Serialize)]
        #[serde(rename = "|")]
        struct Unit;

        use Hostile::{A, Empty, LooksLikeA, LooksLikeT, LooksLikeText, Quotes, Separator, T};
        let all = [A(1), LooksLikeA, Separator, Quotes, LooksLikeText, LooksLikeT, T { a: 1 }, Empty { a: 1 }];
        let mut texts: Vec<_> = all.iter().map(text).collect();
        texts.extend([text(&Hostile::List(1, 2)), text(&Unit), text("x"), text("A(1)"), text("`A(1)`")]);
        assert!(texts.iter().all(|text| !text.contains('|') && !text.contains('\n')), "{texts:?}");
        assert_eq!(texts.iter().collect::<HashSet<_>>().len(), texts.len(), "{texts:?}");
        assert_eq!(text(&Hostile::List(1, 2)), "`name,asc`(1,2)");
        assert_eq!(text(&Empty { a: 1 }), "``{`first-name`:1}");
    }

    #[test]
    fn names_of_fields_do_not_pass_for_others() {
        #[derive(Serialize)]
        struct Sparse {
            #[serde(rename = "a:Some(1),b", skip_serializing_if = "Option::is_none")]
            both: Option<()>,
            #[serde(skip_serializing_if = "Option::is_none")]
            a: Option<NonZeroU8>,
            #[serde(skip_serializing_if = "Option::is_none")]
            b: Option<()>,
        }
        assert_eq!(text(&Sparse { both: Some(()), a: None, b: None }), "{`a:Some(1),b`:Some(())}");
        assert_eq!(text(&Sparse { both: None, a: NonZeroU8::new(1), b: Some(()) }), "{a:Some(1),b:Some(())}");
    }

    #[test]
    fn maps_have_one_order() {
        let one: HashMap<u32, u32> = (0..100).map(|n| (n, n)).collect();
        let other: HashMap<u32, u32> = (0..100).rev().map(|n| (n, n)).collect();
        assert_eq!(text(&one), text(&other));
    }
}
