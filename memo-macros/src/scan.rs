//! Token scans: what a body or an expression mentions, without parsing it.

use proc_macro2::{Delimiter, Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::Expr;

/// Whether the tokens mention the name, as a word or inside a format string (`"{name}"`).
pub(crate) fn mentions(tokens: TokenStream, name: &str) -> bool {
    first_mention(tokens, name).is_some()
}

/// Whether the tokens mention one of the names.
pub(crate) fn mentions_any<'a>(tokens: &TokenStream, names: impl IntoIterator<Item = &'a Ident>) -> bool {
    names.into_iter().any(|name| mentions(tokens.clone(), &name.to_string()))
}

/// Where the tokens first mention the name. What follows a dot is a field or method of that name.
pub(crate) fn first_mention(tokens: TokenStream, name: &str) -> Option<Span> {
    let mut after_dot = false;
    for tree in tokens {
        let dot = matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == '.');
        let found = match tree {
            TokenTree::Ident(ident) if !after_dot && ident == name => Some(ident.span()),
            TokenTree::Group(group) => first_mention(group.stream(), name),
            TokenTree::Literal(literal) if in_format_string(&literal, name) => Some(literal.span()),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        after_dot = dot;
    }
    None
}

/// Where a body uses its receiver. `async_trait` calls it `__self` and binds it in every body, used or not.
pub(crate) fn receiver_use(body: TokenStream) -> Option<Span> {
    let trees: Vec<TokenTree> = body.clone().into_iter().collect();
    if let Some(used) = first_mention(body, "__self").filter(|_| binds_own_name(&trees)) {
        return uses_beyond_binding(&trees).then_some(used);
    }
    first_mention(trees.into_iter().collect(), "self")
}

/// Whether `let __self = self;` occurs.
fn binds_own_name(trees: &[TokenTree]) -> bool {
    trees.windows(4).any(is_binding)
        || trees.iter().any(|tree| match tree {
            TokenTree::Group(group) => binds_own_name(&group.stream().into_iter().collect::<Vec<_>>()),
            _ => false,
        })
}

fn is_binding(window: &[TokenTree]) -> bool {
    let words: Vec<String> = window.iter().map(ToString::to_string).collect();
    words == ["let", "__self", "=", "self"]
}

/// Whether `__self` occurs more often than its binding.
fn uses_beyond_binding(trees: &[TokenTree]) -> bool {
    count(trees, "__self") > 1
}

fn count(trees: &[TokenTree], name: &str) -> usize {
    trees
        .iter()
        .map(|tree| match tree {
            TokenTree::Ident(ident) => usize::from(ident == name),
            TokenTree::Group(group) => count(&group.stream().into_iter().collect::<Vec<_>>(), name),
            _ => 0,
        })
        .sum()
}

/// Whether a body names the `Self` of its surroundings. Items in the body have one of their own, and what a macro makes of
/// its tokens is not known.
pub(crate) fn names_self_type(body: TokenStream) -> bool {
    let trees: Vec<TokenTree> = body.into_iter().collect();
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        match tree {
            TokenTree::Ident(word) if word == "Self" => return true,
            TokenTree::Ident(word) if ITEMS.iter().any(|item| word == item) => {
                at += trees[at..].iter().position(ends_item).unwrap_or(trees.len());
            }
            TokenTree::Ident(_) if is_macro(&trees[at..]) => at += 2,
            TokenTree::Group(group) if names_self_type(group.stream()) => return true,
            _ => {}
        }
        at += 1;
    }
    false
}

/// What begins an item with a `Self` of its own, or without one.
const ITEMS: &[&str] = &["impl", "trait", "struct", "enum", "mod", "macro_rules"];

fn ends_item(tree: &TokenTree) -> bool {
    match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    }
}

fn is_macro(trees: &[TokenTree]) -> bool {
    matches!(trees, [_, TokenTree::Punct(bang), TokenTree::Group(_), ..] if bang.as_char() == '!')
}

/// The names that a pattern binds: lower-case words that are no path, field name or keyword.
pub(crate) fn bindings(tokens: TokenStream, names: &mut Vec<Ident>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let is_punct = |at: Option<usize>, chars: &[char]| {
        at.and_then(|at| trees.get(at))
            .is_some_and(|tree| matches!(tree, TokenTree::Punct(punct) if chars.contains(&punct.as_char())))
    };
    for (at, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => bindings(group.stream(), names),
            TokenTree::Ident(ident) => {
                let text = ident.to_string();
                let binds = text.starts_with(|c: char| c.is_lowercase() || c == '_')
                    && !matches!(text.as_str(), "mut" | "ref" | "_" | "box" | "crate" | "self" | "super")
                    && !is_punct(Some(at + 1), &[':', '!'])
                    && !is_punct(at.checked_sub(2), &[':'])
                    && !matches!(trees.get(at + 1), Some(TokenTree::Group(_)));
                if binds {
                    names.push(ident.clone());
                }
            }
            _ => {}
        }
    }
}

/// The expression's tokens, without the words that are a closure's own parameters.
pub(crate) fn free(expr: &Expr) -> TokenStream {
    fn without(tokens: TokenStream, names: &[Ident]) -> TokenStream {
        let kept = tokens.into_iter().filter_map(|tree| match tree {
            TokenTree::Ident(ident) if names.contains(&ident) => None,
            TokenTree::Group(group) => Some(Group::new(group.delimiter(), without(group.stream(), names)).into()),
            other => Some(other),
        });
        kept.collect()
    }
    let Expr::Closure(closure) = expr else {
        return expr.to_token_stream();
    };
    let mut names = Vec::new();
    bindings(closure.inputs.to_token_stream(), &mut names);
    without(closure.body.to_token_stream(), &names)
}

/// Whether a literal is a format string that uses the name: `{name}`, `{name:>8}`, `{:name$}`.
fn in_format_string(literal: &Literal, name: &str) -> bool {
    let text = literal.to_string();
    text.contains('"')
        && text.match_indices(name).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + name.len()..]);
            let opened = before.trim_end().ends_with('{') && after.trim_start().starts_with(['}', ':']);
            let width = after.starts_with('$') && before.ends_with([':', '.', '<', '>', '^', '0', '+', '#']);
            opened || width
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> TokenStream {
        text.parse().expect("tokens")
    }

    #[test]
    fn sees_words_at_any_depth() {
        assert!(mentions(tokens("{ a(b[c]) }"), "c"));
        assert!(!mentions(tokens("{ a(b[c]) }"), "d"));
    }

    #[test]
    fn sees_format_strings() {
        assert!(mentions(tokens(r#"format!("user:{id}")"#), "id"));
        assert!(mentions(tokens(r#"format!("{id:>4}")"#), "id"));
        assert!(mentions(tokens(r#"format!("{x:>id$}")"#), "id"));
        assert!(!mentions(tokens(r#"format!("{idle}")"#), "id"));
        assert!(!mentions(tokens(r#"print("id")"#), "id"));
    }

    #[test]
    fn parameters_of_closures_are_their_own() {
        let free = |text: &str| free(&syn::parse_str(text).expect(text)).to_string();
        assert_eq!(free("|v, (a, _)| v.x(a, id)"), ". x (, id)");
        assert_eq!(free("id + v"), "id + v");
    }

    #[test]
    fn a_field_of_the_name_is_no_use() {
        assert!(!mentions(tokens("a._x"), "_x"));
        assert!(mentions(tokens("_x.a"), "_x"));
    }

    #[test]
    fn items_have_a_self_of_their_own() {
        let names = |text: &str| names_self_type(tokens(text));
        assert!(names("{ Self::f(1) }") && names("let x: Vec<Self> = y; x") && names("a != Self::B"));
        assert!(names("struct A; impl A { fn f() -> Self { A } } Self::g()"));
        assert!(!names("struct A(Box<Self>); impl A { fn f() -> Self { A } } A::f()"));
        assert!(!names("fn f(x: impl Fn()) { x() } quote!(Self)") && !names("self.f()"));
    }

    #[test]
    fn the_binding_of_async_trait_is_no_use() {
        assert!(receiver_use(tokens("Box::pin(async move { let __self = self; 1 })")).is_none());
        assert!(receiver_use(tokens("Box::pin(async move { let __self = self; __self.a })")).is_some());
        assert!(receiver_use(tokens("self.a")).is_some());
        assert!(receiver_use(tokens("a")).is_none());
    }
}
