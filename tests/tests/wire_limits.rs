//! Row 42; promise 7: what hostile bytes can't do to the stack and to memory.

use std::{collections::HashMap, process::Command};

use memo::{
    Error,
    wire::{Encoded, Wire},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

const SERDE: [&str; 4] = ["bincode", "postcard", "json", "msgpack"];
const LIMIT: usize = 1 << 20;

fn wire(text: &str) -> Wire {
    Wire::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn decode<T: DeserializeOwned>(encoded: &Encoded<'_>) -> Result<T, Error> {
    Wire::decode(encoded.codec, encoded.compressors, &encoded.bytes, LIMIT)
}

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
    if std::env::var_os(CHILD).is_some() {
        return claimed_lengths();
    }
    if cfg!(not(unix)) {
        println!("not run: it needs `ulimit`");
        return;
    }
    let exe = std::env::current_exe().expect("a test has a path");
    let script = "ulimit -v 400000 && exec \"$0\" --exact lengths_that_are_claimed_cost_no_memory --nocapture";
    let status = Command::new("sh").arg("-c").arg(script).arg(exe).env(CHILD, "1").status().expect("sh runs");
    assert!(status.success(), "{status}");
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
