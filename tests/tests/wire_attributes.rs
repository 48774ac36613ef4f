//! Rows 24, 42; promises 6 and 7: what serde's attributes do to each codec, the table in the documentation of `wire`.

use std::fmt::Debug;

use memo::{
    Error,
    wire::{Encoded, Wire},
};
use memo_tests::wire::{LIMIT, SERDE, comes_back, decode, is_not_written, wire};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    a: u8,
    #[serde(flatten)]
    point: Point,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
    Text(String),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Unit,
    Fields { a: u8 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of")]
enum Adjacent {
    Unit,
    Fields { a: u8 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(default)]
    a: Option<u8>,
    b: u8,
    c: Vec<u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Partial {
    #[serde(skip)]
    a: u8,
    b: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row(#[serde(default, skip_serializing_if = "Option::is_none")] Option<u8>, #[serde(default)] Option<u8>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Cell {
    Empty,
    Pair(#[serde(default, skip_serializing_if = "Option::is_none")] Option<u8>, #[serde(default)] Option<u8>),
    Other(Row),
}

/// No codec writes names for them.
#[test]
fn parts_without_names_that_are_left_out_are_refused_where_the_type_is_read() {
    let refused = |encoded: Result<Encoded<'_>, Error>, name: &str| {
        let error = encoded.err().unwrap_or_else(|| panic!("{name} must be refused"));
        assert!(error.is_encoding() && error.to_string().contains(&format!("`{name}` is written with")), "{error}");
    };
    for codec in SERDE {
        let wire = wire(codec);
        let rows = [Row(Some(1), None), Row(Some(1), Some(2))];
        assert_eq!(decode::<[Row; 2]>(&wire.encode_checked(&rows).expect("whole")).expect("written"), rows);
        refused(wire.encode_checked(&Row(None, Some(1))), "Row");
        let cells = vec![Cell::Empty, Cell::Pair(Some(1), None), Cell::Other(Row(Some(1), None))];
        assert_eq!(decode::<Vec<Cell>>(&wire.encode_checked(&cells).expect("whole")).expect("written"), cells);
        refused(wire.encode_checked(&vec![Cell::Pair(None, Some(1))]), "Cell::Pair");
        refused(wire.encode_checked(&Some(Cell::Other(Row(None, None)))), "Row");
    }
    // Why: this is what would be read.
    let wire = wire("json");
    let encoded = wire.encode(&Cell::Pair(None, Some(1))).expect("the type that reads is not known");
    assert_eq!(decode::<Cell>(&encoded).expect("it fits by chance"), Cell::Pair(Some(1), None));
    let cells = memo::Cache::<u8, Cell>::open("cells", "memory://cells?codec=json").expect("opens");
    assert!(cells.set(1, Cell::Pair(None, Some(1))).expect_err("it would be another").is_encoding());
}

fn is_not_read<T: Serialize + DeserializeOwned>(codec: &str, value: &T) {
    let wire = wire(codec);
    let encoded = wire.encode(value).expect("it can be written");
    let error = decode::<T>(&encoded).map(drop).expect_err("it can't be read");
    assert!(error.is_corrupt() && error.to_string().contains(codec), "{codec}: {error}");
    let error = wire.check::<T>().expect_err("it can be known before");
    let message = error.to_string();
    assert!(error.is_encoding() && message.contains(codec) && message.contains("msgpack"), "{codec}: {error}");
}

#[test]
fn codecs_with_names_take_them_all() {
    for codec in ["json", "msgpack"] {
        comes_back(codec, &Flat { a: 1, point: Point { x: 1.0, y: 2.0 } });
        comes_back(codec, &[Untagged::Number(1), Untagged::Text("x".into())]);
        comes_back(codec, &[Tagged::Unit, Tagged::Fields { a: 1 }]);
        comes_back(codec, &[Adjacent::Unit, Adjacent::Fields { a: 1 }]);
        comes_back(codec, &Sparse { a: None, b: 1, c: vec![1, 2] });
        comes_back(codec, &Partial { a: 0, b: 1 });
        wire(codec).check::<(Flat, Untagged, Tagged)>().expect("it can");
    }
}

#[test]
fn codecs_without_names_say_what_they_cant() {
    for codec in ["bincode", "postcard"] {
        is_not_written(codec, &Flat { a: 1, point: Point { x: 1.0, y: 2.0 } }, "`json` and `msgpack`");
        wire(codec).check::<Flat>().expect_err("it can be known before");
        is_not_read(codec, &Untagged::Number(1));
        is_not_read(codec, &Tagged::Fields { a: 1 });
        is_not_read(codec, &serde_json::json!({ "a": 1 }));
        is_not_read(codec, &Adjacent::Fields { a: 1 });
        comes_back(codec, &Sparse { a: Some(1), b: 2, c: vec![] });
        is_not_written(codec, &Sparse { a: None, b: 2, c: vec![] }, "where `a` is left out");
        comes_back(codec, &Partial { a: 0, b: 1 });
        wire(codec).check::<(Point, Sparse, Partial)>().expect("it can");
    }
}

/// Why left-out fields are refused: these bytes are what bincode alone would write for one value, and they are another.
#[test]
fn a_field_left_out_would_be_read_as_another_value() {
    let meant = Sparse { a: None, b: 1, c: vec![9, 1, 8] };
    let [b, c] =
        [wire("bincode").encode(&meant.b), wire("bincode").encode(&meant.c)].map(|part| part.map(|part| part.bytes));
    let bytes = [b.expect("a number"), c.expect("numbers")].concat();
    let read: Sparse = Wire::decode("bincode", "", &bytes, LIMIT).expect("it fits by chance");
    assert_eq!(read, Sparse { a: Some(3), b: 9, c: vec![8] });
    is_not_written("bincode", &meant, "left out");
}
