//! How values become bytes: value -> codec -> compressors -> [`Frame`], and back.

mod chain;
mod codec;
mod compress;
pub mod frame;
mod guard;
mod settings;
mod shape;

pub use erased_serde;

pub use self::{
    chain::{Encoded, Wire},
    codec::{Codec, Read, register_codec},
    frame::{Frame, Tags},
    shape::shape_of,
};

/// Names, for a message.
fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    names.join(", ")
}
