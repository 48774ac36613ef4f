//! Rows 24, 41; promise 7: a frame is read as it was written or not at all, and old frames stay readable.

use std::{collections::BTreeMap, fs, path::PathBuf};

use memo::wire::{Frame, Wire, frame};
use memo_tests::wire::vouched;
use serde::{Deserialize, Serialize};

fn small() -> Frame<'static> {
    Frame {
        codec: "raw",
        compressors: "zstd",
        created: 1_700_000_000_000,
        expires: Some(1_700_000_300_000),
        fresh_until: None,
        window: None,
        dependency: None,
        cost: 1_234_567,
        tags: (&["users", "", "ä|*"]).into(),
        key: "shop::users::find(7)",
        key_data: Some(&[7, 0]),
        value: b"Ada",
    }
}

fn sliding() -> Frame<'static> {
    Frame { window: Some(300_000), ..small() }
}

fn stale() -> Frame<'static> {
    Frame { fresh_until: Some(1_700_000_200_000), ..small() }
}

fn depending() -> Frame<'static> {
    Frame { dependency: Some(b"as it looked"), ..small() }
}

fn written(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.write(&mut bytes).expect("a frame can be written");
    assert_eq!(bytes.len(), bytes.capacity(), "room is made exactly");
    bytes
}

/// The bytes with a checksum that fits.
#[test]
fn a_frame_is_read_as_it_was_written() {
    let many: Vec<String> = (0..1000).map(|tag| format!("tag {tag}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let frames = [
        Frame::default(),
        small(),
        sliding(),
        stale(),
        depending(),
        Frame { fresh_until: Some(0), ..sliding() },
        Frame { fresh_until: Some(u64::MAX - 1), expires: None, ..depending() },
        Frame { window: Some(7), key_data: None, ..depending() },
        Frame { dependency: Some(&vec![0; 100_000]), value: b"", ..stale() },
        Frame { window: Some(0), tags: (&[]).into(), ..small() },
        Frame { window: Some(u64::MAX), key_data: None, ..small() },
        Frame { key_data: Some(&[]), ..small() },
        Frame { key_data: None, expires: None, ..small() },
        Frame { tags: many.as_slice().into(), value: &vec![0; 100_000], ..small() },
    ];
    for frame in frames {
        let bytes = written(&frame);
        let read = Frame::read(&bytes).expect("it is whole");
        assert_eq!(read, frame);
        assert_eq!(written(&read), bytes, "what was read is written as the same bytes");
        assert_eq!(read.tags.is_empty(), read.tags.iter().next().is_none());
    }
}

/// Programs that know version 1 alone go on reading what does not slide.
#[test]
fn a_frame_is_written_in_the_lowest_version_that_can_say_it() {
    let [plain, sliding, stale, depending] = [small(), sliding(), stale(), depending()].map(|frame| written(&frame));
    assert_eq!((plain[4], sliding[4], stale[4], depending[4]), (1, 2, 3, 3));
    let longer = [&sliding, &stale, &depending].map(|frame| frame.len() - plain.len());
    assert_eq!(longer, [8, 24, 24 + b"as it looked".len()]);
}

#[test]
fn what_says_nothing_is_read_as_nothing() {
    let frame = Frame { fresh_until: Some(u64::MAX), dependency: Some(b""), ..small() };
    assert_eq!(Frame::read(&written(&frame)).expect("it is whole"), small());
}

#[test]
fn frames_are_appended() {
    let mut bytes = b"before".to_vec();
    small().write(&mut bytes).expect("a frame can be written");
    assert_eq!(Frame::read(&bytes[6..]).expect("it is whole"), small());
}

#[test]
fn a_frame_is_over_at_its_end() {
    let frame = Frame { expires: Some(100), ..small() };
    assert_eq!((frame.is_over(99), frame.is_over(100), frame.is_over(101)), (false, true, true));
    assert!(!Frame { expires: None, ..frame }.is_over(u64::MAX));
}

#[test]
fn only_the_end_changes() {
    let bytes = written(&small());
    for frame in [small(), sliding(), depending()] {
        for expires in [None, Some(0), Some(42)] {
            let changed = frame::with_expiry(&written(&frame), expires).expect("it is whole");
            assert_eq!(Frame::read(&changed).expect("it is whole"), Frame { expires, ..frame });
        }
    }
    let later = frame::with_expiry(&written(&stale()), Some(1_700_000_300_007)).expect("it is whole");
    let (fresh_until, expires) = (Some(1_700_000_200_007), Some(1_700_000_300_007));
    assert_eq!(Frame::read(&later).expect("it is whole"), Frame { fresh_until, expires, ..stale() });
    assert!(frame::with_expiry(&bytes[1..], None).is_err_and(|error| error.is_corrupt()));
}

#[test]
fn every_changed_byte_is_noticed() {
    for bytes in [written(&small()), written(&sliding()), written(&stale()), written(&depending())] {
        for at in 0..bytes.len() {
            for flip in 1..=255 {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let error = Frame::read(&changed).expect_err("a byte is another");
                assert!(error.is_corrupt(), "byte {at} changed by {flip:#x}: {error}");
            }
        }
    }
}

#[test]
fn every_missing_and_every_additional_byte_is_noticed() {
    for bytes in [written(&small()), written(&sliding()), written(&stale()), written(&depending())] {
        for end in 0..bytes.len() {
            assert!(Frame::read(&bytes[..end]).is_err_and(|error| error.is_corrupt()), "cut at {end}");
            assert!(Frame::read(&bytes[end + 1..]).is_err_and(|error| error.is_corrupt()), "begun after {end}");
            let mut longer = bytes.clone();
            longer.insert(end, 0);
            assert!(Frame::read(&longer).is_err_and(|error| error.is_corrupt()), "a byte more at {end}");
        }
    }
}

/// The checksum is no secret: lengths are looked at as if there were none.
#[test]
fn lengths_that_lie_are_noticed() {
    let bytes = written(&small());
    let all = [(&bytes, 0), (&written(&sliding()), 8), (&written(&stale()), 24), (&written(&depending()), 24)];
    for (bytes, later) in all {
        let version = 4..5;
        let lengths = 5..7;
        let key = 32..36;
        let tags = 40..44;
        let of_dependency = 36 + later..44 + later;
        let of_dependency = if later == 24 { of_dependency } else { 0..0 };
        let of_tags = 44 + later..56 + later;
        for at in version.chain(lengths).chain(key).chain(tags).chain(of_dependency).chain(of_tags) {
            for flip in 1..=255 {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let later = match changed[4] {
                    1 => 0,
                    2 => 8,
                    _ => 24,
                };
                // Some lengths divide the same bytes in another way; none goes beyond them.
                if let Ok(frame) = Frame::read(&vouched(changed)) {
                    let dependency = frame.dependency.map_or(0, <[u8]>::len);
                    let texts = frame.codec.len() + frame.compressors.len() + frame.key.len();
                    let tags: usize = frame.tags.iter().map(|tag| 4 + tag.len()).sum();
                    let all = 52 + later + texts + tags + 2 + dependency + frame.value.len();
                    assert_eq!(all, bytes.len(), "byte {at} changed by {flip:#x}");
                }
            }
        }
    }
    // A window that is cut.
    let least = vouched([&bytes[..4], &[2], &bytes[5..40], &[0; 4 + 7], &[0; 8]].concat());
    assert!(Frame::read(&least).is_err_and(|error| error.is_corrupt()));
    let mut cut = bytes.clone();
    // The last tag now ends within its `ä`.
    (cut[44 + 4], cut[44 + 8]) = (1, 3);
    assert!(Frame::read(&vouched(cut)).is_err_and(|error| error.is_corrupt()), "a tag ends within a character");
}

#[test]
fn a_newer_format_is_no_damage() {
    let mut bytes = written(&small());
    bytes[4] = 4;
    assert!(Frame::read(&bytes).is_err_and(|error| error.is_corrupt()), "a changed byte is no newer format");
    let error = Frame::read(&vouched(bytes.clone())).expect_err("this version does not know it");
    assert!(error.is_newer() && !error.is_corrupt(), "{error}");
    // Not more than magic, version and checksum is promised of other versions.
    let least = vouched([b"memo\x07".as_slice(), &[0; 8]].concat());
    assert!(Frame::read(&least).is_err_and(|error| error.is_newer()));
    bytes[4] = 0;
    assert!(Frame::read(&vouched(bytes)).is_err_and(|error| error.is_corrupt()), "there was no format 0");
}

/// Bytes of somebody else may have such a checksum as well.
#[test]
fn what_does_not_begin_like_a_frame_is_none() {
    let bytes = written(&small());
    for at in 0..4 {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(Frame::read(&vouched(changed)).is_err_and(|error| error.is_corrupt()), "byte {at}");
    }
}

#[test]
fn what_does_not_fit_is_not_written() {
    let name = "x".repeat(256);
    let error = Frame { codec: &name, ..small() }.write(&mut Vec::new()).expect_err("it is too long");
    assert!(error.is_encoding() && error.to_string().contains("256 bytes"), "{error}");
    assert_eq!(Frame::read(&written(&Frame { codec: &name[..255], ..small() })).expect("it fits").codec, &name[..255]);
}

/// What stands in the golden frames of serde's codecs.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Golden {
    id: u64,
    name: String,
    score: f64,
    parent: Option<i32>,
    kind: Kind,
    words: Vec<String>,
    sizes: BTreeMap<String, (u8, char)>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    Sized(u16),
    Placed { x: i64, y: i64 },
}

fn golden() -> Golden {
    Golden {
        id: 1 << 40,
        name: "Grüße".to_owned(),
        score: -0.1,
        parent: Some(-7),
        kind: Kind::Placed { x: -1, y: i64::MAX },
        words: ["again", "and", "again"].into_iter().cycle().take(100).map(str::to_owned).collect(),
        sizes: [("a".to_owned(), (1, 'ß')), ("b".to_owned(), (255, '\u{1f600}'))].into(),
    }
}

/// A golden frame by today's code.
fn today(codec: &str, chain: &str, like: &Frame<'_>) -> Vec<u8> {
    let wire = Wire::parse(&format!("{codec}{chain}")).expect("all are built in");
    let text = "raw and plain, ".repeat(40);
    let encoded = if codec == "raw" { wire.encode(&text) } else { wire.encode(&golden()) }.expect("it can be written");
    written(&Frame {
        codec: encoded.codec,
        compressors: encoded.compressors,
        key: "golden(1)",
        value: &encoded.bytes,
        ..*like
    })
}

/// `MEMO_GOLDEN=write cargo test` writes those that are missing.
#[test]
fn frames_of_version_1_are_read() {
    golden_frames_are_read("v1", &small(), &["", "+zlib", "+zstd", "+zlib+zstd"]);
}

/// They hold what those of version 1 do, and a window.
#[test]
fn frames_of_version_2_are_read() {
    golden_frames_are_read("v2", &sliding(), &[""]);
}

/// They say when they become stale, and what their dependency looked like.
#[test]
fn frames_of_version_3_are_read() {
    golden_frames_are_read("v3", &Frame { fresh_until: stale().fresh_until, ..depending() }, &[""]);
}

fn golden_frames_are_read(version: &str, like: &Frame<'_>, chains: &[&str]) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden");
    for codec in ["bincode", "postcard", "json", "msgpack", "raw"] {
        for chain in chains {
            let path = folder.join(format!("{version}-{codec}{}.frame", chain.replace('+', "-")));
            if !path.exists() && std::env::var_os("MEMO_GOLDEN").is_some_and(|value| value == "write") {
                fs::create_dir_all(&folder).expect("the folder can be made");
                fs::write(&path, today(codec, chain, like)).expect("the file can be written");
            }
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let frame = Frame::read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!((frame.codec, frame.compressors), (codec, chain.trim_start_matches('+')));
            assert_eq!(
                Frame { codec: "raw", compressors: "zstd", key: like.key, value: b"Ada", ..frame },
                *like,
                "{}",
                path.display()
            );
            if codec == "raw" {
                let text: String = decoded(&frame);
                assert_eq!(text, "raw and plain, ".repeat(40));
            } else {
                assert_eq!(decoded::<Golden>(&frame), golden());
            }
            // Compressors may find better ways from version to version.
            if chain.is_empty() {
                assert_eq!(bytes, today(codec, chain, like), "{} would be written otherwise today", path.display());
            }
        }
    }
}

fn decoded<T: serde::de::DeserializeOwned>(frame: &Frame<'_>) -> T {
    Wire::decode(frame.codec, frame.compressors, frame.value, 1 << 20).expect("it can be read")
}
