//! How values become bytes: value -> codec -> compressors -> [`Frame`], and back.

mod chain;
mod codec;
pub mod frame;
mod shape;

pub use self::{
    chain::{Encoded, Wire},
    frame::{Frame, Tags},
    shape::shape_of,
};
