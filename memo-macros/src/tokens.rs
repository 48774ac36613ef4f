//! A fingerprint of a function's tokens: what it returns may depend on them, so entries of other tokens are not its own.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
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
        let mut rest = tokens.into_iter().peekable();
        while let Some(tree) = rest.next() {
            match tree {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
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
                TokenTree::Group(group) => match group.delimiter() {
                    Delimiter::None => self.stream(group.stream()),
                    delimiter => {
                        let (open, close) = match delimiter {
                            Delimiter::Parenthesis => ("(", ")"),
                            Delimiter::Brace => ("{", "}"),
                            _ => ("[", "]"),
                        };
                        self.token(b'g', open);
                        self.stream(group.stream());
                        self.token(b'g', close);
                    }
                },
            }
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

    #[test]
    fn invisible_groups_do_not_count() {
        let group = TokenTree::Group(proc_macro2::Group::new(Delimiter::None, "1 + 2".parse().expect("tokens")));
        let mut hash = Fnv(OFFSET);
        hash.stream(TokenStream::from(group));
        assert_eq!(hash.0, of("1 + 2"));
    }
}
