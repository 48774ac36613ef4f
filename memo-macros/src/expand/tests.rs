//! The expansion beside one that is written by hand, compiled and run in `tests/expansion.rs`.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Attribute, File, ImplItem, Item};

use crate::item::{is_memoize, options_of};
use crate::memoize::memoize;

const ATTRIBUTED: &str = include_str!("../../../tests/expand/attributed.rs");
const BY_HAND: &str = include_str!("../../../tests/expand/by_hand.rs");

fn items(source: &str) -> Vec<Item> {
    syn::parse_str::<File>(source).expect("a file").items
}

/// The options of the attribute, which is taken off.
fn taken(attrs: &mut Vec<Attribute>) -> Option<TokenStream> {
    let at = attrs.iter().position(is_memoize)?;
    Some(options_of(&attrs.remove(at)).expect("options"))
}

fn expanded(item: Item) -> TokenStream {
    match item {
        Item::Fn(mut function) => match taken(&mut function.attrs) {
            Some(options) => memoize(options, function.into_token_stream()),
            None => function.into_token_stream(),
        },
        Item::Impl(mut block) => {
            if let Some(options) = taken(&mut block.attrs) {
                return memoize(options, block.into_token_stream());
            }
            let methods = std::mem::take(&mut block.items).into_iter().map(method);
            block.items = methods.collect();
            block.into_token_stream()
        }
        other => other.into_token_stream(),
    }
}

fn method(item: ImplItem) -> ImplItem {
    match item {
        ImplItem::Fn(mut function) => match taken(&mut function.attrs) {
            Some(options) => ImplItem::Verbatim(memoize(options, function.into_token_stream())),
            None => ImplItem::Fn(function),
        },
        other => other,
    }
}

/// Words and signs without their layout, and without commas behind which nothing more of a list comes.
fn words(tokens: TokenStream, words: &mut Vec<String>) {
    for tree in tokens {
        match tree {
            TokenTree::Group(group) => {
                if group.delimiter() == Delimiter::Brace {
                    without_last_comma(words);
                }
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                words.push(open.to_owned());
                self::words(group.stream(), words);
                without_last_comma(words);
                words.push(close.to_owned());
            }
            other => words.push(other.to_string()),
        }
    }
}

fn without_last_comma(words: &mut Vec<String>) {
    if words.last().is_some_and(|last| last == ",") {
        words.pop();
    }
}

#[test]
fn matches_what_is_written_by_hand() {
    let (mut ours, mut by_hand) = (Vec::new(), Vec::new());
    for item in items(ATTRIBUTED) {
        words(expanded(item), &mut ours);
    }
    for item in items(BY_HAND) {
        words(item.into_token_stream(), &mut by_hand);
    }
    let differs = ours.iter().zip(&by_hand).position(|(ours, by_hand)| ours != by_hand);
    let from = differs.unwrap_or(ours.len().min(by_hand.len())).saturating_sub(20);
    let shown = |words: &[String]| words[from..(from + 60).min(words.len())].join(" ");
    assert!(ours == by_hand, "the macro made\n  {}\nby hand it is\n  {}", shown(&ours), shown(&by_hand));
}
