//! Texts are chains and URLs, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use memo::{backend::Url, wire::Wire};

fuzz_target!(|text: &str| {
    let _ = Wire::parse(text);
    if let Ok(url) = Url::parse(text) {
        let _ = Wire::of(&url, "bincode");
    }
});
