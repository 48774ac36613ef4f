//! Bytes are no frame, or one that is written as the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use memo::wire::{Frame, frame::with_expiry};
use xxhash_rust::xxh3::xxh3_64;

fuzz_target!(|bytes: &[u8]| {
    assert!(Frame::read(bytes).is_ok_and(|frame| is_written_as(&frame, bytes)) || Frame::read(bytes).is_err());
    // With a checksum that fits, so that the lengths are reached.
    let vouched = [bytes, &xxh3_64(bytes).to_le_bytes()].concat();
    if let Ok(frame) = Frame::read(&vouched) {
        assert!(is_written_as(&frame, &vouched));
        let later = with_expiry(&vouched, Some(1)).expect("it is whole");
        assert_eq!(Frame::read(&later).expect("it is whole"), Frame { expires: Some(1), ..frame });
    }
});

fn is_written_as(frame: &Frame<'_>, bytes: &[u8]) -> bool {
    let mut again = Vec::new();
    frame.write(&mut again).is_ok() && again == bytes
}
