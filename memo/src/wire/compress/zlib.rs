//! `zlib`, through `flate2`.

use std::io::{self, Write};

use flate2::{Compression, bufread::ZlibDecoder, write::ZlibEncoder};

pub(super) fn compress(bytes: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes)?;
    encoder.finish()
}

pub(super) fn decompress(bytes: &[u8], limit: usize) -> io::Result<Vec<u8>> {
    let mut decoder = ZlibDecoder::new(bytes);
    let decompressed = super::read_to_end(&mut decoder, limit)?;
    if decoder.into_inner().is_empty() { Ok(decompressed) } else { Err(super::left_over()) }
}
