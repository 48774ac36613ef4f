//! The options that say where entries live outside of memory: URLs, codec, version.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{LitInt, LitStr, Token};

use super::{value, values::choice};

const EXAMPLE: &str = "backend = \"sqlite://cache.db\"";

/// The tiers, the fastest first.
pub(crate) struct Backends {
    pub(crate) urls: Vec<LitStr>,
}

impl Backends {
    pub(super) fn parse(word: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        let input = value(word, input, EXAMPLE)?;
        let urls = if input.peek(syn::token::Bracket) {
            let content;
            syn::bracketed!(content in input);
            Punctuated::<LitStr, Token![,]>::parse_terminated(&content)
                .map_err(|error| {
                    syn::Error::new(
                        error.span(),
                        "`backend` takes URLs in quotes: `[\"memory\", \"sqlite://cache.db\"]`",
                    )
                })?
                .into_iter()
                .collect()
        } else if input.peek(LitStr) {
            vec![input.parse()?]
        } else {
            return Err(input.error(format!("`backend` takes a URL in quotes, or several in brackets: `{EXAMPLE}`")));
        };
        if urls.is_empty() {
            return Err(syn::Error::new(word.span(), format!("`backend` names no store: `{EXAMPLE}`")));
        }
        let backends = Self { urls };
        backends.check()?;
        Ok(backends)
    }

    fn check(&self) -> syn::Result<()> {
        for (at, url) in self.urls.iter().enumerate() {
            let text = url.value();
            if is_memory(url) {
                if at > 0 {
                    return Err(syn::Error::new(
                        url.span(),
                        "typed memory can only be the first tier; write \"memory\" first",
                    ));
                }
            } else if !text.contains("://") {
                return Err(syn::Error::new(
                    url.span(),
                    format!(
                        "`{text}` is no URL of a store: expected `scheme://…`, like \"sqlite://cache.db\", or \"memory\""
                    ),
                ));
            } else if self.urls[..at].iter().any(|other| other.value() == text) {
                return Err(syn::Error::new(
                    url.span(),
                    format!("`{text}` stands here twice; every tier is a store of its own"),
                ));
            }
        }
        Ok(())
    }

    /// Is there a tier of typed memory?
    pub(crate) fn has_memory(&self) -> bool {
        self.urls.first().is_some_and(is_memory)
    }

    /// Is there anything but typed memory?
    pub(crate) fn is_outside(&self) -> bool {
        self.urls.iter().any(|url| !is_memory(url))
    }
}

/// Does it name typed memory?
pub(crate) fn is_memory(url: &LitStr) -> bool {
    matches!(url.value().as_str(), "memory" | "memory://")
}

/// When the tiers behind the first get a value.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Write {
    Through,
    Back,
}

impl Write {
    pub(super) fn parse(word: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        choice(word, input, "way to write", &[("through", Self::Through), ("back", Self::Back)])
    }
}

/// What makes an entry one of this function's, beside its key.
pub(crate) enum Version {
    /// The tokens of the function.
    Auto,
    Given(String),
}

impl Version {
    pub(super) fn parse(word: &Ident, input: ParseStream<'_>) -> syn::Result<Self> {
        const ALLOWED: &str = "`version` takes `auto`, or a number: `version = 3`";
        let input = value(word, input, "version = 3")?;
        if input.peek(LitInt) {
            let number: LitInt = input.parse()?;
            let number = number.base10_parse::<u64>().map_err(|_| syn::Error::new(number.span(), ALLOWED))?;
            return Ok(Self::Given(number.to_string()));
        }
        if input.peek(syn::Ident::peek_any) {
            let name = input.call(Ident::parse_any)?;
            return if name == "auto" { Ok(Self::Auto) } else { Err(syn::Error::new(name.span(), ALLOWED)) };
        }
        Err(input.error(ALLOWED))
    }
}

/// How values become bytes.
pub(super) fn codec(word: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let input = value(word, input, "codec = \"bincode+zstd\"")?;
    if !input.peek(LitStr) {
        return Err(input.error("`codec` takes a text: `codec = \"bincode+zstd\"`"));
    }
    input.parse()
}
