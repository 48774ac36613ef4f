//! `zstd`.

use std::{cell::Cell, io};

use zstd::{
    bulk::{Compressor, Decompressor},
    stream::read::Decoder,
    zstd_safe::{self, CParameter},
};

/// What is compressed by the thread's own context: beyond, and at high levels, it would grow to hundreds of megabytes and keep them.
const SMALL: usize = 128 * 1024;

thread_local! {
    // A context of one's own costs two to four times as much as a value of some kilobytes does.
    static COMPRESSOR: Cell<Option<Compressor<'static>>> = const { Cell::new(None) };
    static DECOMPRESSOR: Cell<Option<Decompressor<'static>>> = const { Cell::new(None) };
}

pub(super) fn compress(bytes: &[u8], level: i32, threads: u32) -> io::Result<Vec<u8>> {
    if threads > 0 || bytes.len() > SMALL {
        let mut compressor = Compressor::new(level)?;
        compressor.set_parameter(CParameter::NbWorkers(threads))?;
        return compressor.compress(bytes);
    }
    // At the end of a thread its context may be gone. One that failed is not kept.
    let mut compressor = match COMPRESSOR.try_with(Cell::take).ok().flatten() {
        Some(compressor) => compressor,
        None => Compressor::new(level)?,
    };
    compressor.set_compression_level(level)?;
    let compressed = compressor.compress(bytes)?;
    let _ = COMPRESSOR.try_with(|kept| kept.set(Some(compressor)));
    Ok(compressed)
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
            let decompressed = at_once(bytes, claimed)?;
            if decompressed.len() == claimed { Ok(decompressed) } else { Err(super::left_over()) }
        }
        Some(claimed) if claimed > limit => Err(super::too_large(limit)),
        _ => in_pieces(bytes, limit),
    }
}

fn at_once(bytes: &[u8], length: usize) -> io::Result<Vec<u8>> {
    let mut decompressor = match DECOMPRESSOR.try_with(Cell::take).ok().flatten() {
        Some(decompressor) => decompressor,
        None => Decompressor::new()?,
    };
    let decompressed = decompressor.decompress(bytes, length)?;
    let _ = DECOMPRESSOR.try_with(|kept| kept.set(Some(decompressor)));
    Ok(decompressed)
}

fn in_pieces(bytes: &[u8], limit: usize) -> io::Result<Vec<u8>> {
    let mut decoder = Decoder::with_buffer(bytes)?.single_frame();
    // The decoder's own buffer is as large as the window, which need not be larger than the value. 27 is zstd's default.
    decoder.window_log_max((usize::BITS - limit.leading_zeros()).clamp(10, 27))?;
    let decompressed = super::read_to_end(&mut decoder, limit)?;
    if decoder.finish().is_empty() { Ok(decompressed) } else { Err(super::left_over()) }
}
