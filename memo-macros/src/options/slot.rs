//! A set-once option that remembers the word it was given with.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::ParseStream;

use crate::errors::Ctxt;

/// An option that may be given once.
pub(crate) struct Slot<T> {
    state: State<T>,
}

enum State<T> {
    Empty,
    /// Given, but wrongly; the error is already reported.
    Broken,
    Set(Given<T>),
}

/// A value, the option's word, and both as the user wrote them.
pub(crate) struct Given<T> {
    pub(crate) word: Ident,
    pub(crate) value: T,
    pub(crate) text: String,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { state: State::Empty }
    }
}

impl<T> Slot<T> {
    /// Reads the value. This is the one place that knows about options given twice.
    pub(super) fn set(
        &mut self,
        cx: &Ctxt,
        word: &Ident,
        input: ParseStream<'_>,
        parse: impl FnOnce(&Ident, ParseStream<'_>) -> syn::Result<T>,
    ) -> syn::Result<()> {
        let start = input.fork();
        let value = parse(word, input);
        let text = format!("{word}{}", consumed(&start, input));
        match &self.state {
            State::Set(first) => {
                let first = &first.text;
                cx.error(
                    word.span(),
                    format!("`{word}` is given twice, first as `{first}` and here as `{text}`; keep one"),
                );
            }
            State::Broken => {}
            State::Empty => self.state = State::Broken,
        }
        let value = value?;
        if matches!(self.state, State::Broken) {
            self.state = State::Set(Given { word: word.clone(), value, text });
        }
        Ok(())
    }

    /// Whether the user gave it, rightly or wrongly.
    pub(crate) fn is_given(&self) -> bool {
        !matches!(self.state, State::Empty)
    }

    pub(crate) fn given(&self) -> Option<&Given<T>> {
        match &self.state {
            State::Set(given) => Some(given),
            State::Empty | State::Broken => None,
        }
    }

    pub(crate) fn value(&self) -> Option<&T> {
        self.given().map(|given| &given.value)
    }

    pub(crate) fn word(&self) -> Option<&Ident> {
        self.given().map(|given| &given.word)
    }

    pub(crate) fn into_given(self) -> Option<Given<T>> {
        match self.state {
            State::Set(given) => Some(given),
            State::Empty | State::Broken => None,
        }
    }

    pub(crate) fn into_value(self) -> Option<T> {
        self.into_given().map(|given| given.value)
    }
}

/// The tokens between two positions, as text.
fn consumed(start: ParseStream<'_>, end: ParseStream<'_>) -> String {
    let mut tokens = TokenStream::new();
    while start.cursor() != end.cursor() {
        match start.parse::<TokenTree>() {
            Ok(tree) => tokens.extend([tree]),
            Err(_) => break,
        }
    }
    let text = tokens.to_string();
    if text.starts_with('=') { format!(" {text}") } else { text }
}
