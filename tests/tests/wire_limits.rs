//! Row 42; promise 7: what hostile bytes can't do to the stack and to memory, and that the bounds refuse nothing that was written.

use std::{
    collections::{BTreeMap, HashMap},
    process::Command,
};

use memo::wire::Wire;
use memo_tests::{
    children::{self, Player},
    wire::{LIMIT, SERDE, decode, wire},
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
enum List {
    Nil,
    Cons(Box<List>),
}

#[derive(Debug, Serialize, Deserialize)]
struct Node {
    next: Option<Box<Node>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Wrapped(Option<Box<Wrapped>>);

#[derive(Debug, Serialize, Deserialize)]
struct Tree(Vec<Tree>);

#[derive(Debug, Serialize, Deserialize)]
enum Expression {
    Leaf,
    Sum(Box<Expression>, u8),
    Named { of: Box<Expression> },
}

fn list(length: usize) -> List {
    (0..length).fold(List::Nil, |list, _| List::Cons(Box::new(list)))
}

fn expression(length: usize) -> Expression {
    (0..length).fold(Expression::Leaf, |of, at| {
        let of = Box::new(of);
        if at % 2 == 0 { Expression::Sum(of, 1) } else { Expression::Named { of } }
    })
}

/// Too deep for a stack, in every codec, and in whatever a recursive type is made of.
#[test]
fn nesting_does_not_overflow_the_stack() {
    let many = 1_000_000;
    for byte in [0, 1, 2, 0x81, 0x91] {
        let bytes = vec![byte; many];
        for codec in ["bincode", "postcard", "msgpack"] {
            refuse_all(codec, &bytes);
        }
    }
    for (open, close) in [("[", "]"), ("{\"next\":", "}"), ("{\"Cons\":", "}"), ("", "")] {
        let json = [open.repeat(many), "1".to_owned(), close.repeat(many)].concat();
        refuse_all("json", json.as_bytes());
    }
    let json = ["{\"next\":".repeat(many), "null".to_owned(), "}".repeat(many)].concat();
    let error = Wire::decode::<Node>("json", "", json.as_bytes(), usize::MAX).map(drop).expect_err("it is too deep");
    assert!(error.to_string().contains("128 levels"), "{error}");
    let pair = [0x81, 0xa4, b'C', b'o', b'n', b's'].repeat(many);
    refuse_all("msgpack", &pair);
}

/// Nothing of this is a value, but for `Node`: a field that it does not have is passed over, however deep.
fn refuse_all(codec: &str, bytes: &[u8]) {
    let limit = usize::MAX;
    Wire::decode::<Node>(codec, "", bytes, limit).map(drop).ok();
    Wire::decode::<List>(codec, "", bytes, limit).map(drop).expect_err("it is too deep");
    Wire::decode::<Wrapped>(codec, "", bytes, limit).map(drop).expect_err("it is too deep");
    Wire::decode::<Tree>(codec, "", bytes, limit).map(drop).expect_err("it is too deep");
    Wire::decode::<Expression>(codec, "", bytes, limit).map(drop).expect_err("it is too deep");
    if codec == "json" {
        Wire::decode::<serde_json::Value>(codec, "", bytes, limit).map(drop).ok();
    }
}

#[test]
fn what_is_written_is_not_too_deep_to_be_read() {
    for codec in SERDE {
        let wire = wire(codec);
        for deep in [list(128), list(100)] {
            decode::<List>(&wire.encode(&deep).expect("it can be written")).expect("it can be read");
        }
        decode::<Expression>(&wire.encode(&expression(127)).expect("it can be written")).expect("it can be read");
        for error in [wire.encode(&list(129)), wire.encode(&expression(129))] {
            let error = error.expect_err("it is too deep");
            assert!(error.is_encoding() && error.to_string().contains("128 levels"), "{codec}: {error}");
        }
    }
}

/// Runs in a process that may not have more than 400 MB, where a claimed length of gigabytes would abort.
#[test]
fn lengths_that_are_claimed_cost_no_memory() {
    const CHILD: &str = "MEMO_TEST_HOSTILE_LENGTHS";
    const LAST: &str = "nothing was believed";
    if std::env::var_os(CHILD).is_some() {
        claimed_lengths();
        return children::say(LAST);
    }
    if cfg!(not(unix)) {
        println!("not run: it needs `ulimit`");
        return;
    }
    let exe = std::env::current_exe().expect("a test has a path");
    let script = "ulimit -v 400000 && exec \"$0\" --exact lengths_that_are_claimed_cost_no_memory --nocapture";
    let mut child = Command::new("sh");
    child.arg("-c").arg(script).arg(exe).env(CHILD, "1");
    let mut child = Player::of(child);
    // Not only that it ends well: without a test of that name it would, too.
    assert_eq!(child.line().as_deref(), Some(LAST));
    assert!(child.ends_well());
}

fn claimed_lengths() {
    let claims: [(&str, &[u8]); 7] = [
        ("bincode", &[252, 255, 255, 255, 127]),
        ("bincode", &[253, 255, 255, 255, 255, 255, 255, 255, 15]),
        ("postcard", &[255, 255, 255, 255, 127]),
        ("msgpack", &[0xdd, 0xff, 0xff, 0xff, 0xff]),
        ("msgpack", &[0xdf, 0xff, 0xff, 0xff, 0xff]),
        ("msgpack", &[0xdb, 0xff, 0xff, 0xff, 0xff]),
        ("msgpack", &[0xc6, 0xff, 0xff, 0xff, 0xff]),
    ];
    for (codec, bytes) in claims {
        assert!(Wire::decode::<Vec<u64>>(codec, "", bytes, LIMIT).is_err(), "{codec}");
        assert!(Wire::decode::<String>(codec, "", bytes, LIMIT).is_err(), "{codec}");
        assert!(Wire::decode::<HashMap<u64, u64>>(codec, "", bytes, LIMIT).is_err(), "{codec}");
        assert!(Wire::decode::<Vec<[u64; 32]>>(codec, "", bytes, LIMIT).is_err(), "{codec}");
        // Elements of no bytes at all end somewhere, too.
        assert!(Wire::decode::<Vec<()>>(codec, "", bytes, LIMIT).is_err(), "{codec}");
    }
    let wire = wire("bincode");
    let nothings = decode::<Vec<()>>(&wire.encode(&vec![(); 1000]).expect("it can be written"));
    assert_eq!(nothings.expect("it can be read").len(), 1000);
}

#[test]
fn parts_that_the_type_fixes_do_not_count() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Pixel {
        x: u8,
        y: u8,
        color: Color,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Color {
        Grey(u8, u8),
        Rgb { r: u8, g: u8, b: u8 },
    }
    let pairs = vec![(1_u8, 2_u8); 400_000];
    let pixels: Vec<_> = (0..100_000)
        .map(|at| Pixel {
            x: 1,
            y: 2,
            color: if at % 2 == 0 { Color::Grey(1, 2) } else { Color::Rgb { r: 1, g: 2, b: 3 } },
        })
        .collect();
    for codec in ["bincode", "postcard"] {
        let wire = wire(&format!("{codec}?max_value=1MiB"));
        let encoded = wire.encode(&pairs).expect("it is 800,003 bytes");
        assert_eq!(decode::<Vec<(u8, u8)>>(&encoded).expect("it was written"), pairs);
        let encoded = wire.encode(&pixels).expect("it is half a megabyte");
        assert_eq!(decode::<Vec<Pixel>>(&encoded).expect("it was written"), pixels);
    }
}

#[test]
fn as_many_bytes_as_are_allowed_are_read() {
    for length in [100_000, 1 << 20] {
        let wire = wire(&format!("raw?max_value={length}"));
        let bytes = vec![7_u8; length];
        let encoded = wire.encode(&bytes).expect("it is not too long");
        let back: Vec<u8> = Wire::decode("raw", "", &encoded.bytes, length).expect("it was written");
        assert_eq!(back, bytes);
        assert!(wire.encode(&vec![7_u8; length + 1]).expect_err("it is too long").is_encoding());
    }
}

/// Elements without bytes: the one thing that counting refuses, at once and not when it is read.
#[test]
fn elements_without_bytes_are_refused_when_they_are_written() {
    for codec in ["bincode", "postcard"] {
        let wire = wire(&format!("{codec}?max_value=100KiB"));
        let encoded = wire.encode(&vec![(); 100 << 10]).expect("as many as bytes");
        let back: Vec<()> = Wire::decode(encoded.codec, "", &encoded.bytes, wire.max_value()).expect("it was written");
        assert_eq!(back.len(), 100 << 10);
        let error = wire.encode(&vec![(); (100 << 10) + 1]).expect_err("one more");
        assert!(error.is_encoding() && error.to_string().contains("more elements"), "{error}");
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Nothing {}

/// Values around the bounds, of all that elements can be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Many {
    Units(Vec<()>),
    Nothings(Vec<Nothing>),
    Pairs(Vec<(u8, u8)>),
    Arrays(Vec<[(); 3]>),
    Lists(Vec<Vec<()>>),
    Texts(Vec<String>),
    Map(BTreeMap<u16, u8>),
    Sum(Box<(Many, Many)>),
}

fn many() -> impl Strategy<Value = Many> {
    let length = || 0..80_000_usize;
    let leaf = prop_oneof![
        length().prop_map(|length| Many::Units(vec![(); length])),
        length().prop_map(|length| Many::Nothings(vec![Nothing {}; length])),
        length().prop_map(|length| Many::Pairs(vec![(1, 2); length])),
        length().prop_map(|length| Many::Arrays(vec![[(); 3]; length])),
        (0..300_usize, 0..300_usize).prop_map(|(outer, inner)| Many::Lists(vec![vec![(); inner]; outer])),
        length().prop_map(|length| Many::Texts(vec![String::new(); length])),
        (0..30_000_u16).prop_map(|length| Many::Map((0..length).map(|n| (n, 1)).collect())),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| (inner.clone(), inner).prop_map(|both| Many::Sum(Box::new(both))))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(
        value in many(),
        codec in prop::sample::select(vec!["bincode", "postcard", "json", "msgpack"]),
        chain in prop::sample::select(vec!["", "+zlib", "+zlib+zstd"]),
        limit in prop::sample::select(vec![1_usize, 1000, 64 << 10, 100_000, 200_000]),
    ) {
        let wire = wire(&format!("{codec}{chain}?max_value={limit}"));
        if let Ok(encoded) = wire.encode(&value) {
            let back = Wire::decode::<Many>(encoded.codec, encoded.compressors, &encoded.bytes, limit);
            prop_assert!(back.as_ref().is_ok_and(|back| *back == value), "{:?}", back.err());
        }
    }
}
