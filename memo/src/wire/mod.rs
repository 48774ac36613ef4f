//! How values become bytes: value -> codec -> compressors -> [`Frame`], and back.
//!
//! A chain is written as text, alone ([`Wire::parse`]) or in the URL of a store ([`Wire::of`]): `json`, `bincode+zstd?level=9`,
//! `sqlite:///var/cache/app.db?codec=json+zstd&threads=2`. The settings of a URL count beside a chain that is said elsewhere
//! (`codec = "json+zstd"`), too. A frame names what its value went through, and is decoded by that, so the
//! chain of a store can change at any time.
//!
//! | codec | cargo feature | |
//! | --- | --- | --- |
//! | `bincode` | `stores` | the default: small and fast; the crate is no longer maintained |
//! | `postcard` | `postcard` | as small and fast, maintained |
//! | `json` | `json` | for people and other programs |
//! | `msgpack` | `msgpack` | names of fields in few bytes; fields may change their order |
//! | `raw` | `stores` | texts and bytes as they are, nothing else |
//! | one's own | `stores` | [`register_codec`] |
//!
//! Compressors are `zlib` (feature `zlib`) and `zstd` (feature `zstd`, also `zstandard`). They follow the codec, each behind a `+`; without
//! a codec they compress `raw`. What would not become smaller is stored as it is, and the frame names no compressor.
//!
//! | setting | default | |
//! | --- | --- | --- |
//! | `level` | 6, 3 | 0 to 9 for `zlib`, -7 to 22 for `zstd`; of all compressors in the chain |
//! | `threads` | 0 | worker threads of `zstd`, 0 to 64; they have work beyond half a megabyte |
//! | `threshold` | `256` | values of fewer bytes are not compressed |
//! | `max_value` | `256MiB` | values of more bytes are neither written nor read, compressed or not |
//!
//! # What serde's attributes do
//!
//! | | `bincode`, `postcard` | `json` | `msgpack` |
//! | --- | --- | --- | --- |
//! | `flatten` | not written | yes | yes |
//! | `untagged`, `tag`, `tag` and `content`, `serde_json::Value` | written, never read | yes | yes |
//! | `skip_serializing_if`, where it does skip a named field | not written | yes | yes |
//! | `skip_serializing_if`, where it does skip a field without a name | not written | not written | not written |
//! | `skip`, `rename`, `default`, `with`, `transparent` | yes | yes | yes |
//! | `skip_serializing` without `skip_deserializing` | **don't**: see below | yes, with `default` | yes, with `default` |
//! | `Some(None)`, `Some(())` | yes | not written | not written |
//! | NaN, infinities | yes | not written | yes |
//!
//! "Not written" is an error of encoding that says so; a memoized function counts it and goes on. "Never read" is an error of decoding, a
//! miss; [`Wire::check`] tells of it before anything is stored. These refusals are the library's: `bincode` alone would write a
//! struct with a skipped field, and can then read the next field for the skipped one and give another value without an error. JSON alone
//! would read `Some(None)` and `Some(NaN)` as `None`.
//!
//! One such case is beyond sight: with `skip_serializing` alone, `bincode` and `postcard` write a field less than they read, in every
//! value. Say `skip`. And one shows only where the type is read, too: [`Wire::encode_checked`], by which functions and caches write, sees that a
//! tuple struct or tuple variant has fewer parts than it should.
//!
//! # What bytes can't do
//!
//! Nothing that stands in a store makes decoding panic, overflow the stack, run on or take memory without bound: a frame is verified
//! as a whole; values nest at most 128 levels, written or read, whatever the codec; the elements of sequences and maps may not outnumber the bytes that
//! `max_value` allows (or 65,536); lengths and sizes in the data are not believed. `Deserialize` and codecs of one's own must do their part: room
//! that they make for a claimed length, or values of theirs that are large on the stack, are theirs to bound. As deep as bytes can nest, small
//! types took about 1 MB of stack in a build without optimization; a thread that reads hostile bytes should have as much.

mod chain;
mod check;
mod codec;
mod compress;
pub mod frame;
mod guard;
mod settings;
mod shape;

pub use erased_serde;

use crate::backend::same;

pub(crate) use self::{
    chain::Through,
    check::{fault, in_text},
};
pub use self::{
    chain::{Encoded, Wire},
    codec::{Codec, Read, register_codec},
    frame::{Frame, Tags},
    shape::shape_of,
};

/// The place of a name in a table of names and what is known of them.
const fn number<T>(table: &[(&str, T)], name: &str) -> Option<usize> {
    let mut at = 0;
    while at < table.len() {
        if same(table[at].0, name) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Names, for a message.
fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    names.join(", ")
}
