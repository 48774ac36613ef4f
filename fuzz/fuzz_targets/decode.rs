//! Bytes are decoded or refused as damaged, with every codec and compressor.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use memo::wire::Wire;
use serde::{Deserialize, de::DeserializeOwned};

#[derive(Deserialize)]
#[expect(dead_code, reason = "only decoded")]
enum Shape {
    Point,
    Circle(f64),
    Polygon { corners: Vec<(i32, i32)>, name: Option<String> },
    Group(Vec<Shape>),
    Boxed(Option<Box<Shape>>),
}

fn decode<T: DeserializeOwned>(codec: &str, compressors: &str, bytes: &[u8]) {
    if let Err(error) = Wire::decode::<T>(codec, compressors, bytes, 1 << 20) {
        assert!(error.is_corrupt(), "{error}");
    }
}

fuzz_target!(|input: &[u8]| {
    let [chooser, bytes @ ..] = input else { return };
    let codecs = ["bincode", "postcard", "json", "msgpack", "raw"];
    let compressors = ["", "zlib", "zstd", "zlib+zstd"];
    let chooser = usize::from(*chooser);
    let (codec, compressors) = (codecs[chooser % 5], compressors[chooser / 5 % 4]);
    decode::<Shape>(codec, compressors, bytes);
    decode::<Vec<u8>>(codec, compressors, bytes);
    decode::<HashMap<String, Vec<u64>>>(codec, compressors, bytes);
});
