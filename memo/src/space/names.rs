//! The keys of entries in byte stores: `function|instantiation|arguments|version`.

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128};

use super::Since;
use crate::{backend::Moment, error::Error, key::text::Text};

/// Arguments longer than this many bytes are shortened to their beginning and a hash.
const LONGEST: usize = 160;
/// So much of them stays readable.
const SHOWN: usize = 40;

/// What the keys of all entries of a function begin with.
pub(super) fn function(path: &str) -> String {
    let mut prefix = escaped(path);
    prefix.push('|');
    prefix
}

/// What the keys of one instantiation of a function have in common.
#[derive(Clone)]
pub(super) struct Names {
    /// `function|instantiation|`.
    prefix: String,
    version: String,
}

impl Names {
    pub(super) fn new(function: &str, instantiation: &str, version: String) -> Self {
        Self { prefix: format!("{function}{}|", escaped(instantiation)), version }
    }

    /// What the keys of all entries begin with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Is it the key of an entry of this version?
    pub(super) fn have(&self, key: &[u8]) -> bool {
        let rest = key.strip_suffix(self.version.as_bytes());
        key.starts_with(self.prefix.as_bytes()) && rest.is_some_and(|rest| rest.ends_with(b"|"))
    }

    /// `write` writes the arguments; `hash` is theirs within this process.
    pub(super) fn key(
        &self,
        hash: u64,
        hashed: bool,
        write: impl FnOnce(&mut Text) -> Result<(), Error>,
    ) -> Result<EntryKey, Error> {
        let mut flat = String::with_capacity(self.prefix.len() + self.version.len() + 64);
        flat.push_str(&self.prefix);
        let mut text = Text::behind(flat);
        write(&mut text)?;
        let mut flat = text.into_string();
        let mut full = None;
        let arguments = &flat[self.prefix.len()..];
        if hashed || arguments.len() > LONGEST {
            let shown = if hashed { "" } else { &arguments[..arguments.floor_char_boundary(SHOWN)] };
            let short = format!("{}{shown}~{:032x}", self.prefix, xxh3_128(arguments.as_bytes()));
            full = Some(std::mem::replace(&mut flat, short));
        }
        let entry = flat.len();
        flat.push('|');
        flat.push_str(&self.version);
        let more = full.map(|full| Box::new(More { full: Some(full), ..More::default() }));
        Ok(EntryKey { flat, entry, hash, more })
    }
}

/// Without the separator of keys.
fn escaped(name: &str) -> String {
    name.replace('|', "\\u{7c}")
}

/// The last part of keys: a fingerprint of the function's code, and of the shape of its values.
pub(super) fn version(code: &[u8], shape: u64) -> String {
    format!("{:016x}", xxh3_64_with_seed(code, shape))
}

/// The key of an entry.
#[derive(Clone, Debug)]
pub(crate) struct EntryKey {
    /// As stores know it.
    flat: String,
    /// How much of it all versions share.
    entry: usize,
    hash: u64,
    /// What few keys have, so that the others are small.
    more: Option<Box<More>>,
}

#[derive(Clone, Debug, Default)]
struct More {
    /// All of the key as text, where that is more than stands in `flat`.
    full: Option<String>,
    /// The arguments as bytes, where they are to be read again.
    data: Option<Vec<u8>>,
    /// When the tiers were found to have no entry, so that a value is computed.
    since: Since,
}

impl EntryKey {
    pub(crate) fn flat(&self) -> &[u8] {
        self.flat.as_bytes()
    }

    /// The whole key, arguments in full, without the version: what an entry is compared by.
    pub(crate) fn full(&self) -> &str {
        let full = self.more.as_ref().and_then(|more| more.full.as_deref());
        full.unwrap_or(&self.flat[..self.entry])
    }

    pub(super) fn with_data(mut self, data: Vec<u8>) -> Self {
        self.more.get_or_insert_default().data = Some(data);
        self
    }

    /// The value that is to stand under it is computed because the tiers had none then.
    pub(crate) fn computed_since(&mut self, since: Since) {
        if self.more.is_some() || !since.moments.is_empty() || since.era > 0 {
            self.more.get_or_insert_default().since = since;
        }
    }

    /// By the time of a tier's store.
    pub(super) fn since(&self, tier: usize) -> Option<Moment> {
        self.more.as_ref()?.since.moments.get(tier).copied().flatten()
    }

    /// What memory had heard by then.
    pub(super) fn era(&self) -> u64 {
        self.more.as_ref().map_or(0, |more| more.since.era)
    }

    pub(super) fn data(&self) -> Option<&[u8]> {
        self.more.as_ref()?.data.as_deref()
    }

    /// Where the lease of the entry stands: under no function, since none has such a name, so that nobody takes it for an entry.
    /// What another version computes is no answer, so each has its own.
    pub(super) fn lease(&self) -> Vec<u8> {
        let function = self.flat.split('|').next().unwrap_or_default();
        format!("/lease|{function}|{:032x}", xxh3_128(self.flat.as_bytes())).into_bytes()
    }

    /// What the keys of all versions of the entry begin with.
    pub(super) fn all_versions(&self) -> Vec<u8> {
        self.flat.as_bytes()[..=self.entry].to_vec()
    }

    /// That of the arguments, in this process.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(names: &Names, text: &str, hashed: bool) -> EntryKey {
        let write = |to: &mut Text| {
            to.put(text);
            Ok(())
        };
        names.key(1, hashed, write).expect("written")
    }

    #[test]
    fn keys_are_readable_up_to_a_length() {
        let names = Names::new(&function("shop::find"), "shop::find<u32>", "0f".to_owned());
        let found = key(&names, "(7,\"x\")", false);
        assert_eq!(found.flat(), br#"shop::find|shop::find<u32>|(7,"x")|0f"#);
        assert_eq!(found.full(), r#"shop::find|shop::find<u32>|(7,"x")"#);
        assert_eq!(found.all_versions(), br#"shop::find|shop::find<u32>|(7,"x")|"#);
        let long = format!("\"{}\"", "ä".repeat(200));
        let found = key(&names, &long, false);
        assert!(found.flat().len() < 200 && found.full().ends_with(&long));
        let other = format!("\"{}ö\"", "ä".repeat(199));
        assert_ne!(found.flat(), key(&names, &other, false).flat(), "they differ behind what is shown");
        let hashed = key(&names, "7", true);
        assert!(hashed.flat().starts_with(b"shop::find|shop::find<u32>|~") && hashed.full().ends_with("|7"));
    }

    /// What is in stores is known by this: another text makes it all unreachable.
    #[test]
    fn the_version_stays_as_it_is() {
        assert_eq!(version(&0x1234_u128.to_le_bytes(), 0x5678), "5f3cc659609a0862");
        assert_eq!(version(b"3", 0), "7324dc1e7e9474f0");
    }

    #[test]
    fn the_parts_of_a_key_hold_no_separator() {
        assert_eq!(function("a|b").matches('|').count(), 1);
        assert_eq!(Names::new(&function("a|b"), "a|b", "0".to_owned()).prefix.matches('|').count(), 2);
    }
}
