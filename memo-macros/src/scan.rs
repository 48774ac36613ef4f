//! Token scans: what a body or an expression mentions, without parsing it.

use proc_macro2::{Ident, Literal, Span, TokenStream, TokenTree};

/// Whether the tokens mention the name, as a word or inside a format string (`"{name}"`).
pub(crate) fn mentions(tokens: TokenStream, name: &str) -> bool {
    first_mention(tokens, name).is_some()
}

/// Whether the tokens mention one of the names.
pub(crate) fn mentions_any<'a>(
    tokens: &TokenStream,
    names: impl IntoIterator<Item = &'a Ident>,
) -> bool {
    names
        .into_iter()
        .any(|name| mentions(tokens.clone(), &name.to_string()))
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
            TokenTree::Group(group) => {
                binds_own_name(&group.stream().into_iter().collect::<Vec<_>>())
            }
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

/// Whether a literal is a format string that uses the name: `{name}`, `{name:>8}`, `{:name$}`.
fn in_format_string(literal: &Literal, name: &str) -> bool {
    let text = literal.to_string();
    text.contains('"')
        && text.match_indices(name).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + name.len()..]);
            let opened =
                before.trim_end().ends_with('{') && after.trim_start().starts_with(['}', ':']);
            let width = after.starts_with('$')
                && before.ends_with([':', '.', '<', '>', '^', '0', '+', '#']);
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
    fn a_field_of_the_name_is_no_use() {
        assert!(!mentions(tokens("a._x"), "_x"));
        assert!(mentions(tokens("_x.a"), "_x"));
    }

    #[test]
    fn the_binding_of_async_trait_is_no_use() {
        assert!(receiver_use(tokens("Box::pin(async move { let __self = self; 1 })")).is_none());
        assert!(
            receiver_use(tokens(
                "Box::pin(async move { let __self = self; __self.a })"
            ))
            .is_some()
        );
        assert!(receiver_use(tokens("self.a")).is_some());
        assert!(receiver_use(tokens("a")).is_none());
    }
}
