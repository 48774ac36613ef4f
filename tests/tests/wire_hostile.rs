//! Rows 41, 42; promise 7: arbitrary bytes and texts are refused, or read as what they say; nothing panics.

use std::collections::{BTreeMap, HashMap};

use memo::{
    backend::Url,
    wire::{Frame, Wire},
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::xxh3_64;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Polygon { corners: Vec<(i32, i32)>, name: Option<String> },
    Group(Vec<Shape>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    A { x: u8 },
    B { y: Box<Tagged> },
}

const LIMIT: usize = 1 << 16;

fn decode_all(codec: &str, compressors: &str, bytes: &[u8]) {
    decode::<u64>(codec, compressors, bytes);
    decode::<String>(codec, compressors, bytes);
    decode::<Vec<u8>>(codec, compressors, bytes);
    decode::<Vec<()>>(codec, compressors, bytes);
    decode::<(char, bool, Option<i128>, f32)>(codec, compressors, bytes);
    decode::<HashMap<String, Vec<u64>>>(codec, compressors, bytes);
    decode::<BTreeMap<u8, [u16; 4]>>(codec, compressors, bytes);
    decode::<Shape>(codec, compressors, bytes);
    decode::<Tagged>(codec, compressors, bytes);
}

/// Every refusal is one of damage.
fn decode<T: DeserializeOwned>(codec: &str, compressors: &str, bytes: &[u8]) {
    if let Err(error) = Wire::decode::<T>(codec, compressors, bytes, LIMIT) {
        assert!(error.is_corrupt(), "{error}");
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Point),
        any::<f64>().prop_filter("JSON has no others", |float| float.is_finite()).prop_map(Shape::Circle),
        (any::<Vec<(i32, i32)>>(), any::<Option<String>>())
            .prop_map(|(corners, name)| Shape::Polygon { corners, name }),
    ];
    leaf.prop_recursive(4, 32, 8, |inner| prop::collection::vec(inner, 0..8).prop_map(Shape::Group))
}

fn chains() -> impl Strategy<Value = String> {
    let codec = prop::sample::select(vec!["bincode", "postcard", "json", "msgpack"]);
    let compressors = prop::sample::select(vec!["", "+zlib?threshold=0", "+zstd?threshold=0", "+zlib+zstd"]);
    (codec, compressors).prop_map(|(codec, compressors)| format!("{codec}{compressors}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn values_come_back(shape in shapes(), chain in chains()) {
        let wire = Wire::parse(&chain).expect("all are built in");
        let encoded = wire.encode(&shape).expect("it can be written");
        let back: Shape = Wire::decode(encoded.codec, encoded.compressors, &encoded.bytes, 1 << 24).expect("it can be read");
        prop_assert_eq!(back, shape);
    }

    #[test]
    fn frames_come_back(
        key: String, tags: Vec<String>, value: Vec<u8>, data: Option<Vec<u8>>, seen: Option<Vec<u8>>,
        times: (u64, Option<u64>, Option<u64>, Option<u64>, u64)
    ) {
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let (created, expires, fresh_until, window, cost) = times;
        let frame = Frame {
            created, expires, fresh_until, window, cost, key: &key, tags: tags.as_slice().into(), value: &value, key_data: data.as_deref(),
            dependency: seen.as_deref(), ..Frame::default()
        };
        let mut bytes = Vec::new();
        frame.write(&mut bytes).expect("it can be written");
        let never = expires == Some(u64::MAX);
        let dependency = frame.dependency.filter(|seen| !seen.is_empty());
        let is_nothing = (fresh_until.is_some() || dependency.is_some()) && window == Some(0);
        let fresh_until = fresh_until.filter(|fresh_until| *fresh_until != u64::MAX);
        let expected = Frame {
            expires: expires.filter(|_| !never), window: window.filter(|_| !is_nothing), fresh_until, dependency, ..frame
        };
        prop_assert_eq!(Frame::read(&bytes).expect("it is whole"), expected);
    }

    #[test]
    fn arbitrary_bytes_are_no_frame(bytes: Vec<u8>) {
        prop_assert!(Frame::read(&bytes).is_err());
        for version in [b"memo\x01", b"memo\x02", b"memo\x03"] {
            prop_assert!(Frame::read(&[version, &bytes[..]].concat()).is_err());
        }
    }

    /// With a checksum that fits: the lengths are all that is left to be looked at.
    #[test]
    fn vouched_frames_are_read_within_their_bytes(
        mut bytes: Vec<u8>, head: [u8; 3], small: [u8; 3], tag: Vec<u8>, later: Option<([u8; 8], Option<[u8; 8]>)>
    ) {
        let (window, stale) = later.unzip();
        let later: Vec<[u8; 8]> = window.into_iter().chain(stale.flatten()).collect();
        let mut frame = [b"memo\x01", b"memo\x02", b"memo\x03"][later.len()].to_vec();
        frame.extend_from_slice(&[head[0] % 8, head[1] % 8, 0]);
        frame.extend_from_slice(&[7; 24]);
        for length in small {
            frame.extend_from_slice(&u32::from(length % 16).to_le_bytes());
        }
        frame.extend(later.iter().flatten());
        frame.extend(tag.iter().flat_map(|length| u32::from(length % 4).to_le_bytes()));
        frame.append(&mut bytes);
        frame.extend_from_slice(&xxh3_64(&frame).to_le_bytes());
        match Frame::read(&frame) {
            Ok(read) => {
                let mut again = Vec::new();
                read.write(&mut again).expect("it can be written");
                prop_assert_eq!(again, frame, "what was read is all that was there");
            }
            Err(error) => prop_assert!(error.is_corrupt(), "{}", error),
        }
    }

    #[test]
    fn changed_frames_are_noticed(value: Vec<u8>, at: prop::sample::Index, flip in 1_u8..) {
        let mut bytes = Vec::new();
        Frame { value: &value, key: "key", ..Frame::default() }.write(&mut bytes).expect("it can be written");
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(Frame::read(&bytes).is_err_and(|error| error.is_corrupt()));
    }

    #[test]
    fn arbitrary_bytes_are_decoded_or_refused(bytes: Vec<u8>) {
        for codec in ["bincode", "postcard", "json", "msgpack", "raw"] {
            decode_all(codec, "", &bytes);
        }
        for compressors in ["zlib", "zstd", "zlib+zstd"] {
            decode_all("bincode", compressors, &bytes);
        }
    }

    #[test]
    fn changed_values_are_decoded_or_refused(shape in shapes(), chain in chains(), at: prop::sample::Index, flip in 1_u8..) {
        let wire = Wire::parse(&chain).expect("all are built in");
        let mut encoded = wire.encode(&shape).expect("it can be written");
        let at = at.index(encoded.bytes.len());
        encoded.bytes[at] ^= flip;
        decode_all(encoded.codec, encoded.compressors, &encoded.bytes);
    }

    #[test]
    fn arbitrary_text_is_parsed_or_refused(text: String) {
        drop((Wire::parse(&text), Url::parse(&text)));
    }

    #[test]
    fn text_that_is_nearly_right_is_parsed_or_refused(
        text in "(json|zstd|raw|bincode|zlib|[a-z]{0,3})([+](zstd|zlib|json|))*([?](level|threads|threshold|max_value|x)=[-0-9a-zA-Z]{0,20}(&[a-z]{0,9}=?)?)?",
        scheme in "[a-z:/]{0,6}",
        rest in "([a-z0-9%/?&=+-]|ä){0,30}",
    ) {
        if let Ok(wire) = Wire::parse(&text) {
            prop_assert_eq!(Wire::parse(&wire.to_string()).expect("it was one").to_string(), wire.to_string());
        }
        for url in [format!("memory://?codec={text}"), format!("{scheme}://{rest}"), format!("sqlite://{rest}")] {
            if let Ok(url) = Url::parse(&url) {
                drop(Wire::of(&url, &text));
            }
        }
    }
}
