//! A fingerprint of a function's tokens: what it returns may depend on them, so entries of other tokens are not its own.

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::Expr;

use crate::item::Function;
use crate::plan::{Key, Part};

/// FNV-1a with 128 bits (Fowler, Noll, Vo; RFC 9923): the same in every build.
struct Fnv(u128);

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(PRIME);
        }
    }

    /// A token, and that it ends here.
    fn token(&mut self, kind: u8, text: &str) {
        self.write(&[kind]);
        self.write(text.as_bytes());
        self.write(&[0]);
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Param(param) | Part::ParamIfKey(param) => self.token(b'k', &param.position.to_string()),
            Part::Place(place) => self.expression(&place.expr),
        }
    }

    /// A part of the key.
    fn expression(&mut self, expression: &Expr) {
        self.token(b'k', "");
        self.stream(expression.to_token_stream());
    }

    /// Comments are not among the tokens; doc comments are, as attributes, and are left out. So are layout and the invisible
    /// groups that macros leave.
    fn stream(&mut self, tokens: TokenStream) {
        self.trees(tokens, Docs::LeftOut);
    }

    fn trees(&mut self, tokens: TokenStream, docs: Docs) {
        let mut rest = tokens.into_iter().peekable();
        let mut seen = Before::Anything;
        while let Some(tree) = rest.next() {
            let before = seen;
            seen = seen.then(&tree);
            match tree {
                TokenTree::Punct(punct) if punct.as_char() == '#' && docs == Docs::LeftOut => {
                    let inner = rest.next_if(|next| matches!(next, TokenTree::Punct(bang) if bang.as_char() == '!'));
                    if rest.next_if(is_doc).is_some() {
                        continue;
                    }
                    self.token(b'p', "#");
                    if inner.is_some() {
                        self.token(b'p', "!");
                    }
                }
                TokenTree::Punct(punct) => self.token(b'p', punct.as_char().encode_utf8(&mut [0; 4])),
                TokenTree::Ident(ident) => self.token(b'i', &ident.to_string()),
                TokenTree::Literal(literal) => self.token(b'l', &literal.to_string()),
                TokenTree::Group(group) => {
                    self.group(&group, if before == Before::Input { Docs::Count } else { docs });
                }
            }
        }
    }

    fn group(&mut self, group: &Group, docs: Docs) {
        let (open, close) = match group.delimiter() {
            Delimiter::None => return self.trees(group.stream(), docs),
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
        };
        self.token(b'g', open);
        self.trees(group.stream(), docs);
        self.token(b'g', close);
    }
}

/// Whether doc comments count.
#[derive(Clone, Copy, PartialEq)]
enum Docs {
    LeftOut,
    /// Within the input of a macro, which may make a value of them.
    Count,
}

/// What stands before a token.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Anything,
    /// The name of a macro, perhaps.
    Name,
    /// That and `!`, and behind `macro_rules!` another name.
    Input,
}

impl Before {
    /// What stands before the token after this one.
    fn then(self, tree: &TokenTree) -> Self {
        match (self, tree) {
            (Self::Input, TokenTree::Ident(_)) => Self::Input,
            (_, TokenTree::Ident(_)) => Self::Name,
            (Self::Name | Self::Input, TokenTree::Punct(punct))
                if punct.as_char() == '!' && punct.spacing() == Spacing::Alone =>
            {
                Self::Input
            }
            _ => Self::Anything,
        }
    }
}

fn is_doc(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else { return false };
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket && matches!(first, Some(TokenTree::Ident(word)) if word == "doc")
}

/// Of signature and body, and of what the key is made of, since the same text may be the key of something else: not of other
/// options, visibility and what stands in other functions.
pub(crate) fn hash(function: &Function, key: &Key) -> u128 {
    let mut hash = Fnv(OFFSET);
    hash.stream(function.sig.to_token_stream());
    hash.stream(function.body.stream());
    match key {
        Key::Arguments(parts) => parts.iter().for_each(|part| hash.part(part)),
        Key::Computed(elements) => elements.iter().for_each(|element| hash.expression(element)),
    }
    hash.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> u128 {
        let mut hash = Fnv(OFFSET);
        hash.stream(text.parse().expect(text));
        hash.0
    }

    #[test]
    fn layout_and_comments_do_not_count() {
        let hash = of("fn f(a: u8) -> u8 { a + 1 }");
        assert_eq!(hash, of("fn f ( a :u8 )->u8{a+1}"));
        assert_eq!(hash, of("fn f(a: u8) -> u8 {\n    // more\n    a /* so */ + 1\n}"));
        assert_eq!(hash, of("/// It adds.\nfn f(#[doc = \"x\"] a: u8) -> u8 { #![doc = \"y\"] a + 1 }"));
    }

    #[test]
    fn everything_else_counts() {
        let hash = of("fn f(a: u8) -> u8 { a + 1 }");
        for other in [
            "fn f(a: u8) -> u8 { a + 2 }",
            "fn f(a: u8) -> u16 { a + 1 }",
            "fn f(b: u8) -> u8 { b + 1 }",
            "fn f(a: u8) -> u8 { (a + 1) }",
            "fn f(a: u8) -> u8 { a += 1 }",
            "#[inline] fn f(a: u8) -> u8 { a + 1 }",
        ] {
            assert_ne!(hash, of(other), "{other}");
        }
        assert_ne!(of("a b"), of("ab"));
        assert_ne!(of("a b"), of("aib"), "`i` is what an identifier begins with in the hash");
        assert_ne!(of("\"a\""), of("a"));
        assert_ne!(of("# ! a"), of("# a"));
    }

    /// A macro may make anything of its input, so all of it counts.
    #[test]
    fn doc_comments_for_macros_count() {
        for (one, other) in [
            ("m! { /// One.\n x }", "m! { /// Two.\n x }"),
            ("a::m!(#[doc = \"x\"] y)", "a::m!(y)"),
            ("return !m!(#[doc = \"x\"] y)", "return !m!(y)"),
            ("{ m![{ #[doc = \"x\"] y }] }", "{ m![{ y }] }"),
            ("macro_rules! m { () => { #[doc = \"x\"] y } }", "macro_rules! m { () => { y } }"),
        ] {
            assert_ne!(of(one), of(other), "{one}");
        }
        for (one, other) in [
            ("m!(x); #[doc = \"x\"] struct S;", "m!(x); struct S;"),
            ("if a != b { #[doc = \"x\"] struct S; }", "if a != b { struct S; }"),
            ("{ m!(); { #[doc = \"x\"] struct S; } }", "{ m!(); { struct S; } }"),
        ] {
            assert_eq!(of(one), of(other), "{one}");
        }
    }

    /// What is in stores is known by this: another hash makes it all unreachable.
    #[test]
    fn the_hash_stays_as_it_is() {
        assert_eq!(of("fn f(a: u8) -> u8 { a + 1 }"), 0x12cd_582a_3ee0_5d91_3348_fe50_515f_9ae9);
        let every_kind = of("#[x] fn f<'a>(t: &'a str) -> [f64; 2] { vec![t.len() as f64 * 1.5, 'c' != \"\\n\"] }");
        assert_eq!(every_kind, 0x8fbe_1eab_930d_4e3b_676a_d583_fd65_3c99);
    }

    #[test]
    fn invisible_groups_do_not_count() {
        let group = TokenTree::Group(proc_macro2::Group::new(Delimiter::None, "1 + 2".parse().expect("tokens")));
        let mut hash = Fnv(OFFSET);
        hash.stream(TokenStream::from(group));
        assert_eq!(hash.0, of("1 + 2"));
    }
}
