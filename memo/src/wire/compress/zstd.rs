//! `zstd`.

use std::io;

use zstd::{
    bulk,
    stream::read::Decoder,
    zstd_safe::{self, CParameter},
};

pub(super) fn compress(bytes: &[u8], level: i32, threads: u32) -> io::Result<Vec<u8>> {
    let mut compressor = bulk::Compressor::new(level)?;
    if threads > 0 {
        compressor.set_parameter(CParameter::NbWorkers(threads))?;
    }
    compressor.compress(bytes)
}

/// What a size in the data may claim to be believed: beyond, room is made as the bytes come.
fn is_credible(claimed: usize, bytes: &[u8]) -> bool {
    claimed <= 64 * 1024 || claimed / 16 <= bytes.len()
}

pub(super) fn decompress(bytes: &[u8], limit: usize) -> io::Result<Vec<u8>> {
    let claimed = zstd_safe::get_frame_content_size(bytes).ok().flatten();
    match claimed.and_then(|claimed| usize::try_from(claimed).ok()) {
        Some(claimed) if claimed <= limit && is_credible(claimed, bytes) => {
            // Fails if it is more than claimed, so it is one frame.
            let decompressed = bulk::decompress(bytes, claimed)?;
            if decompressed.len() == claimed { Ok(decompressed) } else { Err(super::left_over()) }
        }
        Some(claimed) if claimed > limit => Err(super::too_large(limit)),
        _ => in_pieces(bytes, limit),
    }
}

fn in_pieces(bytes: &[u8], limit: usize) -> io::Result<Vec<u8>> {
    let mut decoder = Decoder::with_buffer(bytes)?.single_frame();
    // The decoder's own buffer is as large as the window, which need not be larger than the value. 27 is zstd's default.
    decoder.window_log_max((usize::BITS - limit.leading_zeros()).clamp(10, 27))?;
    let decompressed = super::read_to_end(&mut decoder, limit)?;
    if decoder.finish().is_empty() { Ok(decompressed) } else { Err(super::left_over()) }
}
