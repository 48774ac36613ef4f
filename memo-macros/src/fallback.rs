//! On errors: the item as the user wrote it, so that nothing else stops compiling.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The item and its errors.
pub(crate) fn with_errors(item: TokenStream, errors: TokenStream) -> TokenStream {
    let mut tokens = item;
    tokens.extend(errors);
    tokens
}

/// An impl block and its errors, the method attributes taken off: alone they would report a second time.
pub(crate) fn block_with_errors(block: TokenStream, errors: TokenStream) -> TokenStream {
    let stripped = block.into_iter().map(|tree| match tree {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => strip(&group).into(),
        other => other,
    });
    with_errors(stripped.collect(), errors)
}

/// Whether the item, which could not be parsed, is the impl block of a trait.
pub(crate) fn is_trait_impl(item: &TokenStream) -> bool {
    let words: Vec<String> = item.clone().into_iter().map(|tree| tree.to_string()).collect();
    let has = |word: &str| words.iter().any(|found| found == word);
    has("impl") && has("for") && !has("fn")
}

fn strip(block: &Group) -> Group {
    let mut kept: Vec<TokenTree> = Vec::new();
    for tree in block.stream() {
        let attribute = matches!(&tree, TokenTree::Group(group) if is_memoize(group))
            && matches!(kept.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == '#');
        if attribute {
            kept.pop();
        } else {
            kept.push(tree);
        }
    }
    let mut stripped = Group::new(Delimiter::Brace, kept.into_iter().collect());
    stripped.set_span(block.span());
    stripped
}

fn is_memoize(group: &Group) -> bool {
    let is_path = |tree: &TokenTree| match tree {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(punct) => punct.as_char() == ':',
        TokenTree::Group(_) | TokenTree::Literal(_) => false,
    };
    group.delimiter() == Delimiter::Bracket
        && group.stream().into_iter().take_while(is_path).last().is_some_and(|tree| tree.to_string() == "memoize")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_method_attributes_off() {
        let block: TokenStream = "impl A for B { #[memo::memoize(ttl = 1)] #[inline] fn a() {} #[memoize] fn b() {} #[memoize = 1] fn c() {} }"
            .parse()
            .expect("tokens");
        let text = block_with_errors(block, TokenStream::new()).to_string();
        assert!(!text.contains("memoize") && text.contains("inline"), "{text}");
    }
}
