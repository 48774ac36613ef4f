//! Rows 25, 26, 42; promise 7: chains of codec and compressors, their settings, and how far they decompress.

use memo::{
    Error,
    backend::Url,
    wire::{Encoded, Wire},
};

const LIMIT: usize = 1 << 20;

fn wire(text: &str) -> Wire {
    Wire::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn text(encoded: &Encoded<'_>, limit: usize) -> Result<String, Error> {
    Wire::decode(encoded.codec, encoded.compressors, &encoded.bytes, limit)
}

fn long() -> String {
    "again and again, ".repeat(1000)
}

#[test]
fn values_come_back_through_every_chain() {
    for codec in ["bincode", "postcard", "json", "msgpack", "raw"] {
        for chain in ["zlib", "zstd", "zlib+zstd", "zstd+zlib", "zstd+zstd"] {
            let wire = wire(&format!("{codec}+{chain}"));
            let value = long();
            let encoded = wire.encode(&value).expect("it can be written");
            assert_eq!((encoded.codec, encoded.compressors), (codec, chain));
            assert!(encoded.bytes.len() < value.len() / 50, "{wire}: {} bytes", encoded.bytes.len());
            assert_eq!(text(&encoded, LIMIT).expect("it can be read"), value, "{wire}");
        }
    }
}

#[test]
fn every_level_and_threads() {
    let value = long();
    let levels = (0..=9).map(|level| format!("bincode+zlib?level={level}"));
    let more = (-7..=22).map(|level| format!("bincode+zstd?level={level}"));
    let threads = [0, 1, 2, 64].map(|threads| format!("bincode+zstd?level=1&threads={threads}"));
    for chain in levels.chain(more).chain(threads) {
        let wire = wire(&chain);
        assert_eq!(text(&wire.encode(&value).expect("it can be written"), LIMIT).expect("it can be read"), value);
        assert_eq!(wire.to_string(), chain);
    }
    // The workers have something to do only beyond half a megabyte.
    let value: String = (0..200_000).map(|number| number.to_string()).collect();
    let encoded = wire("raw+zstd?threads=2").encode(&value).expect("it can be written").bytes;
    let decoded: String = Wire::decode("raw", "zstd", &encoded, 2 * LIMIT).expect("it can be read");
    assert!(decoded == value);
}

#[test]
fn levels_differ() {
    let numbers: Vec<String> = (0..20_000_u64).map(|number| (number * number % 997).to_string()).collect();
    let value = numbers.join(" ");
    let size = |chain: &str| wire(chain).encode(&value).expect("it can be written").bytes.len();
    assert!(size("raw+zstd?level=22") < size("raw+zstd?level=-7"));
    assert!(size("raw+zlib?level=9") < size("raw+zlib?level=1"));
}

#[test]
fn compressors_alone_are_raw() {
    for (alone, same) in [("zstd", "raw+zstd"), ("zlib+zstd?level=9", "raw+zlib+zstd?level=9")] {
        assert_eq!(wire(alone).to_string(), same);
        let wire = wire(alone);
        let encoded = wire.encode(&long()).expect("a text");
        assert_eq!((encoded.codec, text(&encoded, LIMIT).expect("it can be read")), ("raw", long()));
    }
}

#[test]
fn an_alias_is_a_name() {
    let wire = wire("bincode+zstandard?threshold=0");
    assert_eq!(wire.to_string(), "bincode+zstd?threshold=0");
    assert_eq!(wire.encode(&long()).expect("it can be written").compressors, "zstd");
}

#[test]
fn small_values_are_not_compressed() {
    let compressors = |chain: &str, length: usize| {
        let value = "a".repeat(length);
        let wire = wire(chain);
        let encoded = wire.encode(&value).expect("it can be written");
        assert_eq!(text(&encoded, LIMIT).expect("it can be read"), value);
        encoded.compressors.to_owned()
    };
    assert_eq!((compressors("raw+zstd", 255), compressors("raw+zstd", 256)), (String::new(), "zstd".to_owned()));
    assert_eq!(compressors("raw+zstd?threshold=0", 100), "zstd");
    assert_eq!(compressors("raw+zstd?threshold=1MiB", 10_000), "");
    // What would not become smaller stays as it is.
    assert_eq!(compressors("raw+zstd?threshold=0", 0), "");
}

#[test]
fn what_does_not_become_smaller_stays_as_it_is() {
    let mut seed = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    })
    .take(10_000)
    .collect();
    for chain in ["raw+zstd", "raw+zlib", "raw+zlib+zstd"] {
        let encoded = wire(chain).encode(&noise).map(|encoded| (encoded.compressors.to_owned(), encoded.bytes));
        assert_eq!(encoded.expect("bytes"), (String::new(), noise.clone()), "{chain}");
    }
}

#[test]
fn a_change_of_chain_leaves_old_values_readable() {
    let before = wire("json+zlib");
    let old = before.encode(&long()).expect("it can be written");
    let now = wire("bincode+zstd");
    let new = now.encode(&long()).expect("it can be written");
    assert_ne!(old.bytes, new.bytes);
    assert_eq!(text(&old, LIMIT).expect("it can be read"), text(&new, LIMIT).expect("it can be read"));
}

#[test]
fn bombs_do_not_go_off() {
    let zeros = "\0".repeat(LIMIT);
    for chain in ["zlib", "zstd", "zlib+zstd", "zstd+zlib"] {
        let wire = wire(&format!("raw+{chain}"));
        let encoded = wire.encode(&zeros).expect("it can be written");
        assert!(encoded.bytes.len() < 5000, "{chain}: {}", encoded.bytes.len());
        assert_eq!(text(&encoded, LIMIT).expect("it is no more than allowed").len(), LIMIT);
        for limit in [LIMIT - 1, 1000, 0] {
            let error = text(&encoded, limit).expect_err("it is more than allowed");
            assert!(error.is_corrupt() && error.to_string().contains("max_value"), "{chain}, {limit}: {error}");
        }
    }
    let error = Wire::decode::<String>("raw", "", b"four", 3).expect_err("it is more than allowed");
    assert!(error.is_corrupt() && error.to_string().contains("max_value"), "{error}");
}

/// A step within a chain may be a bomb, too, whatever comes of it in the end.
#[test]
fn bombs_do_not_go_off_within_a_chain() {
    let small = wire("raw+zlib?threshold=0").encode(&"a".repeat(100)).expect("it can be written").bytes;
    // Behind the two bytes of its head, so many blocks with nothing in them.
    let nothing = [0, 0, 0, 0xff, 0xff].repeat(LIMIT);
    let bomb = |blocks: usize| [&small[..2], &nothing[..5 * blocks], &small[2..]].concat();
    let packed = |blocks| wire("zlib").encode(&bomb(blocks)).expect("it can be written").bytes;
    let read = |blocks| Wire::decode::<String>("raw", "zlib+zlib", &packed(blocks), LIMIT);
    assert_eq!(read(100).expect("it stays within the limit"), "a".repeat(100));
    let error = read(LIMIT / 4).expect_err("it is too much on the way");
    assert!(error.is_corrupt() && error.to_string().contains("max_value"), "{error}");
}

/// Frames of zstd may claim any size, or none.
#[test]
fn a_claimed_size_is_not_believed() {
    let magic = [0x28, 0xb5, 0x2f, 0xfd];
    // One segment, a size of eight bytes: 2^62; then 200 MB, which is within the limit, but not there.
    for size in [1_u64 << 62, 200_000_000] {
        let bytes = [&magic[..], &[0xe0], &size.to_le_bytes(), &[1, 0, 0]].concat();
        let error = Wire::decode::<String>("raw", "zstd", &bytes, 256 << 20).expect_err("there is less");
        assert!(error.is_corrupt(), "{error}");
    }
    // No size at all: a window of 1 kB, one last raw block of three bytes.
    let bytes = [&magic[..], &[0x00, 0x00], &[0x19, 0, 0], b"Ada"].concat();
    let read: String = Wire::decode("raw", "zstd", &bytes, LIMIT).expect("it is a frame of zstd");
    assert_eq!(read, "Ada");
    let error = Wire::decode::<String>("raw", "zstd", &bytes, 2).expect_err("it is more than allowed");
    assert!(error.to_string().contains("max_value"), "{error}");
}

#[test]
fn compressed_bytes_are_used_to_the_last() {
    for chain in ["zlib", "zstd"] {
        let wire = wire(&format!("raw+{chain}"));
        let bytes = wire.encode(&long()).expect("it can be written").bytes;
        for more in [&[0][..], &bytes] {
            let error = Wire::decode::<String>("raw", chain, &[&bytes, more].concat(), LIMIT).expect_err("too many");
            assert!(error.is_corrupt(), "{chain}: {error}");
        }
        for end in 0..bytes.len() {
            let error = Wire::decode::<String>("raw", chain, &bytes[..end], LIMIT).expect_err("too few");
            assert!(error.is_corrupt() && error.to_string().contains(chain), "{chain}: {error}");
        }
    }
}

#[test]
fn values_that_could_not_be_read_are_not_written() {
    let wire = wire("bincode+zstd?max_value=1kB");
    assert_eq!(wire.max_value(), 1000);
    let error = wire.encode(&long()).expect_err("it is too long");
    assert!(error.is_encoding() && error.to_string().contains("`max_value` allows 1000"), "{error}");
    wire.encode(&"a".repeat(990)).expect("it is not");
}

#[test]
fn faults_name_what_is_wrong_and_what_is_allowed() {
    for (text, said) in [
        ("cbor", "unknown codec `cbor`: known are `bincode`, `raw`, `postcard`, `json`, `msgpack`"),
        ("cbor", "compressors are `zlib`, `zstd`, `zstandard`"),
        ("", "unknown codec ``"),
        ("JSON", "unknown codec `JSON`"),
        ("json+lz4", "unknown compressor `lz4`: known are `zlib`, `zstd`, `zstandard`"),
        ("json+", "unknown compressor ``"),
        ("+json", "unknown codec ``"),
        ("zstd+json", "`json` is a codec: the codec comes first"),
        ("json+bincode", "`bincode` is a codec: the codec comes first"),
        ("json+zlib?level=19", "`level=19`: the levels of `zlib` are 0 to 9"),
        ("json+zlib?level=-1", "the levels of `zlib` are 0 to 9"),
        ("json+zstd?level=23", "the levels of `zstd` are -7 to 22"),
        ("json+zstd?level=99999999999", "the levels of `zstd` are -7 to 22"),
        ("json+zlib+zstd?level=19", "the levels of `zlib` are 0 to 9"),
        ("json+zstd?level=high", "expected a whole number"),
        ("json+zlib?threads=2", "`zlib` has no worker threads"),
        ("json+zstd?threads=65", "0 to 64 worker threads"),
        ("json?level=3", "`level=3` is said of no compressor"),
        ("json?threads=3", "`threads=3` is said of no compressor"),
        ("json+zstd?threshold=-1", "expected a size"),
        ("json+zstd?max_value=lots", "expected a size"),
        ("json+zstd?lever=3", "unknown setting `lever`: known are `level`, `threads`, `threshold`, `max_value`"),
        ("json+zstd?level", "expected `name=value`"),
        ("json+zstd?level=3&level=4", "`level` is said twice"),
    ] {
        let error = text.parse::<Wire>().expect_err(text);
        let message = error.to_string();
        assert!(error.is_config() && message.contains(said) && message.contains(text), "{text}: {message}");
    }
    let many = format!("json{}", "+zstd".repeat(100));
    assert!(Wire::parse(&many).is_err_and(|error| error.is_config()), "a frame could not name them");
}

fn of(url: &str) -> Result<Wire, Error> {
    Wire::of(&Url::parse(url)?, "bincode")
}

#[test]
fn urls_say_how_values_become_bytes() {
    for (url, same) in [
        ("memory://", "bincode"),
        ("memory://?codec=json%2Bzstd&level=9", "json+zstd?level=9"),
        ("memory://?codec=json+zstd&level=9&threads=2", "json+zstd?level=9&threads=2"),
        ("memory://?codec=bincode+zstd?level=3&threads=2", "bincode+zstd?level=3&threads=2"),
        ("memory://?ttl=5m&codec=zstd&threshold=1KiB&max_value=1MiB", "raw+zstd?threshold=1024&max_value=1048576"),
        // A scheme that is somebody's own.
        ("s3://bucket?codec=postcard&region=eu", "postcard"),
    ] {
        assert_eq!(of(url).unwrap_or_else(|error| panic!("{url}: {error}")).to_string(), same, "{url}");
    }
    for (url, said) in [
        ("memory://?codec=json+zlib&level=19", "`level=19`: the levels of `zlib` are 0 to 9"),
        ("memory://?level=3", "`level=3` is said of no compressor"),
        ("memory://?codec=cbor", "unknown codec `cbor`"),
        ("memory://?codec=json+zstd?level=3&level=4", "`level` is said twice"),
        ("memory://?codec=zstd+json", "the codec comes first"),
        ("s3://me:secret@bucket?codec=json&threshold=low", "`threshold=low`: expected a size"),
    ] {
        let error = of(url).expect_err(url);
        let message = error.to_string();
        assert!(error.is_config() && message.contains(said), "{url}: {message}");
        assert!(!message.contains("secret"), "a password is shown: {message}");
    }
}

#[test]
fn settings_of_a_url_count_beside_a_chain_of_elsewhere() {
    let of = |url, otherwise| Wire::of(&Url::parse(url).expect(url), otherwise);
    for (url, otherwise, same) in [
        ("memory://?max_value=1MiB", "json", "json?max_value=1048576"),
        ("memory://?level=9&threads=2", "json+zstd?threshold=1KiB", "json+zstd?level=9&threads=2&threshold=1024"),
        ("memory://?codec=postcard&threshold=0", "json+zstd?level=9", "postcard?threshold=0"),
    ] {
        let wire = of(url, otherwise).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(wire.to_string(), same, "{url}");
    }
    for (url, otherwise, said) in [
        ("memory://?level=9", "json", "codec=json`: `level=9` is said of no compressor"),
        ("memory://?level=19", "zlib", "codec=zlib`: `level=19`: the levels of `zlib` are 0 to 9"),
        ("memory://?level=9", "json+zstd?level=3", "`level` is said twice"),
    ] {
        let error = of(url, otherwise).expect_err(url);
        assert!(error.is_config() && error.to_string().contains(said), "{url}: {error}");
    }
}

/// What a step gives may be longer than the value; it must not be longer than what is read.
#[test]
fn no_step_goes_beyond_what_is_read() {
    let value = vec![7_u8; 1000];
    for chain in ["raw+zlib+zstd?level=0", "raw+zlib+zlib?level=0", "raw+zstd+zlib?level=0"] {
        let wire = Wire::parse(&format!("{chain}&threshold=0&max_value=1000")).expect(chain);
        let encoded = wire.encode(&value).expect("it is not longer than it may be");
        let back: Vec<u8> = Wire::decode(encoded.codec, encoded.compressors, &encoded.bytes, wire.max_value())
            .unwrap_or_else(|error| panic!("{chain}: {error}"));
        assert_eq!(back, value, "{chain}");
    }
}
