//! Rows 24, 42; promises 6 and 7: every codec gives back the value that was written, or says why it can't.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    net::{IpAddr, SocketAddr},
    num::NonZeroU8,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use memo::{
    Error,
    wire::{Codec, Read, Wire, erased_serde, register_codec},
};
use memo_tests::wire::{LIMIT, SERDE, comes_back, decode, is_not_written, wire};
use serde::{Deserialize, Deserializer, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    home: Option<Point>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Guest,
    Member(u32),
    Both(u8, u8),
    Named { first: String, last: String },
}

#[test]
fn values_come_back() {
    for codec in SERDE {
        for kind in
            [Kind::Guest, Kind::Member(7), Kind::Both(1, 2), Kind::Named { first: String::new(), last: "ß".into() }]
        {
            comes_back(codec, &User { id: u64::MAX, name: "Ada".into(), home: Some(Point { x: 0.1, y: -0.0 }), kind });
        }
        comes_back(codec, &());
        comes_back(codec, &(i8::MIN, i16::MIN, i32::MIN, i64::MIN, u128::MAX, i128::MIN));
        comes_back(codec, &(f32::MIN_POSITIVE, f64::MAX, 1.0 / 3.0, 5e-324));
        comes_back(codec, &vec![Some('a'), None, Some('\u{10ffff}')]);
        comes_back(codec, &HashMap::from([("a".to_owned(), vec![1_u8]), (String::new(), vec![])]));
        comes_back(codec, &BTreeMap::from([(-1_i32, "x".to_owned()), (7, "y".to_owned())]));
        comes_back(codec, &(Duration::from_nanos(1), SystemTime::UNIX_EPOCH + Duration::from_secs(1)));
        comes_back(codec, &("127.0.0.1".parse::<IpAddr>().expect("valid"), "[::1]:80".parse::<SocketAddr>().ok()));
        comes_back(codec, &(NonZeroU8::MIN, PathBuf::from("/a/b"), Arc::<str>::from("x"), Box::new(1)));
        comes_back(codec, &[Ok::<u8, String>(1), Err("e".to_owned())]);
    }
}

/// Parsing without full precision changes about one float in ten.
#[test]
fn floats_keep_every_bit() {
    let mut bits: u64 = 1;
    for _ in 0..20_000 {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let float = f64::from_bits(bits);
        if float.is_finite() {
            let wire = wire("json");
            let back: f64 = decode(&wire.encode(&float).expect("finite")).expect("it can be read");
            assert_eq!(back.to_bits(), float.to_bits());
        }
    }
}

/// Why it can't be read is told by tracing the type, whose `Deserialize` is called for that: once, not at every failure.
#[test]
fn a_type_is_traced_once() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    #[derive(Debug)]
    struct Traced;
    impl<'de> Deserialize<'de> for Traced {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            CALLS.fetch_add(1, Ordering::Relaxed);
            <(u8, String, Option<u8>)>::deserialize(deserializer).map(|_| Self)
        }
    }
    let calls = || {
        let before = CALLS.load(Ordering::Relaxed);
        Wire::decode::<Traced>("bincode", "", &[], LIMIT).expect_err("there is nothing to read");
        CALLS.load(Ordering::Relaxed) - before
    };
    assert!(calls() > 1);
    assert_eq!((calls(), calls()), (1, 1));
}

#[test]
fn every_byte_is_used_and_none_is_missing() {
    let user =
        User { id: 7, name: "Ada".into(), home: None, kind: Kind::Named { first: "A".into(), last: "L".into() } };
    for codec in SERDE {
        let wire = wire(codec);
        let encoded = wire.encode(&user).expect("it can be written");
        for more in [&[0][..], b"1", b"x", &[0xc0], &[0x91], &[0xc1], &[0xff; 9]] {
            let bytes = [&encoded.bytes, more].concat();
            let error = Wire::decode::<User>(codec, "", &bytes, LIMIT).expect_err("bytes are left over");
            assert!(error.is_corrupt() && error.to_string().contains(codec), "{codec}: {error}");
        }
        for end in 0..encoded.bytes.len() {
            let error = Wire::decode::<User>(codec, "", &encoded.bytes[..end], LIMIT).expect_err("bytes are missing");
            assert!(error.is_corrupt(), "{codec}: {error}");
        }
    }
}

#[test]
fn fields_may_change_their_order_where_names_are_written() {
    #[derive(Serialize)]
    struct Before {
        a: u8,
        b: Kind,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct After {
        b: Kind,
        a: u8,
    }
    for codec in ["json", "msgpack"] {
        let wire = wire(codec);
        let encoded = wire.encode(&Before { a: 1, b: Kind::Guest }).expect("it can be written");
        assert_eq!(decode::<After>(&encoded).expect("it can be read"), After { b: Kind::Guest, a: 1 });
    }
}

#[test]
fn raw_is_the_bytes_themselves() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Page(Vec<u8>);
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Grey(u8);
    let wire = wire("raw");
    assert_eq!(wire.encode("Ada").expect("a text").bytes, b"Ada");
    assert_eq!(wire.encode(&[1_u8, 2, 3][..]).expect("bytes").bytes, [1, 2, 3]);
    comes_back("raw", &String::new());
    comes_back("raw", &"Grüße".to_owned());
    comes_back("raw", &(0..=255).collect::<Vec<u8>>());
    comes_back("raw", &[7_u8; 4]);
    comes_back("raw", &Page(vec![0, 255]));
    comes_back("raw", &Arc::<[u8]>::from([1, 2]));
    comes_back("raw", &vec![Grey(0), Grey(255)]);
    comes_back("raw", &(7_u8, Grey(8)));

    is_not_written("raw", &7_u8, "a number");
    is_not_written("raw", &vec![7_u16], "a number");
    is_not_written("raw", &(1_u8, "x"), "texts or bytes inside of a sequence");
    is_not_written("raw", &vec![vec![1_u8]], "a sequence inside of a sequence");
    is_not_written("raw", &Some("x"), "an option");
    is_not_written("raw", &Point { x: 0.0, y: 0.0 }, "a struct");
    is_not_written("raw", &Kind::Guest, "an enum");
    is_not_written("raw", &'x', "a character");

    let refused = [
        Wire::decode::<String>("raw", "", &[0xff], LIMIT).expect_err("no UTF-8"),
        Wire::decode::<Vec<u16>>("raw", "", &[1], LIMIT).map(drop).expect_err("no bytes are asked for"),
        Wire::decode::<[u8; 2]>("raw", "", &[1, 2, 3], LIMIT).map(drop).expect_err("three for two"),
        Wire::decode::<Option<String>>("raw", "", b"x", LIMIT).map(drop).expect_err("an option"),
        Wire::decode::<serde_json::Value>("raw", "", b"x", LIMIT).map(drop).expect_err("anything"),
    ];
    for error in refused {
        assert!(error.is_corrupt(), "{error}");
    }
}

#[test]
fn what_would_come_back_as_none_is_not_written() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner(Option<u8>);
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Unit;
    for codec in ["bincode", "postcard"] {
        comes_back(codec, &[Some(None), Some(Some(1)), None]);
        comes_back(codec, &[Some(()), None]);
        comes_back(codec, &[f64::INFINITY, f64::NEG_INFINITY]);
    }
    for codec in ["json", "msgpack"] {
        comes_back(codec, &[Some(Some(1)), None]);
        is_not_written(codec, &Some(None::<u8>), "`None`");
        is_not_written(codec, &Some(()), "`None`");
        is_not_written(codec, &Some(Inner(None)), "`None`");
        comes_back(codec, &Some(vec![None::<u8>]));
        comes_back(codec, &Some((None::<u8>, ())));
    }
    comes_back("msgpack", &[Some(Unit), None]);
    is_not_written("json", &Some(Unit), "`None`");
    comes_back("msgpack", &f64::INFINITY);
    is_not_written("json", &f64::INFINITY, "infinities");
    is_not_written("json", &Some(f32::NAN), "NaN");
}

/// One byte after the other, backwards: a codec that is nobody else's.
struct Backwards;

impl Codec for Backwards {
    fn encode(&self, value: &dyn erased_serde::Serialize) -> Result<Vec<u8>, Error> {
        let mut bytes = serde_json::to_vec(value).map_err(|error| Error::encoding(error.to_string()))?;
        bytes.reverse();
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8], read: Read<'_>) -> Result<(), Error> {
        let json: Vec<u8> = bytes.iter().rev().copied().collect();
        let mut json = serde_json::Deserializer::from_slice(&json);
        read(&mut <dyn erased_serde::Deserializer<'_>>::erase(&mut json))
    }
}

/// Does not read anything.
struct Lazy;

impl Codec for Lazy {
    fn encode(&self, _: &dyn erased_serde::Serialize) -> Result<Vec<u8>, Error> {
        Err(Error::encoding("no wish to"))
    }

    fn decode(&self, _: &[u8], _: Read<'_>) -> Result<(), Error> {
        Ok(())
    }
}

#[test]
fn codecs_of_ones_own() {
    register_codec("backwards", Backwards).expect("it is new");
    comes_back("backwards", &User { id: 1, name: "Ada".into(), home: None, kind: Kind::Member(7) });
    let wire = wire("backwards+zlib?threshold=0");
    let encoded = wire.encode(&vec![7; 100]).expect("it can be written");
    assert_eq!((encoded.codec, encoded.compressors), ("backwards", "zlib"));
    assert_eq!(decode::<Vec<u8>>(&encoded).expect("it can be read"), vec![7; 100]);
    let error = Wire::decode::<u8>("backwards", "", b"x", LIMIT).expect_err("no number");
    assert!(error.is_corrupt() && error.to_string().contains("`backwards`"), "{error}");

    register_codec("lazy", Lazy).expect("it is new");
    is_not_written("lazy", &1, "no wish to");
    let error = Wire::decode::<u8>("lazy", "", b"1", LIMIT).expect_err("it reads nothing");
    assert!(error.is_corrupt() && error.to_string().contains("did not read"), "{error}");

    for taken in ["backwards", "json", "zstd", "zstandard"] {
        let error = register_codec(taken, Backwards).expect_err(taken);
        assert!(error.is_config() && error.to_string().contains(taken), "{error}");
    }
    let long = "x".repeat(33);
    for name in ["", "Json", "a+b", "a b", "a?", "ä", &long] {
        let error = register_codec(name, Backwards).expect_err(name);
        assert!(error.is_config() && error.to_string().contains("can't be a codec's name"), "{error}");
    }
}

#[test]
fn unknown_names_in_a_frame_are_misses() {
    for (codec, compressors) in
        [("cbor", ""), ("", ""), ("zstd", ""), ("json", "lz4"), ("json", "zlib+"), ("json", "json")]
    {
        let error = Wire::decode::<u8>(codec, compressors, b"1", LIMIT).expect_err("it is not known");
        let said = if compressors == "json" { "`json` is a codec" } else { "unknown" };
        assert!(error.is_corrupt() && error.to_string().contains(said), "{codec} {compressors}: {error}");
    }
}
