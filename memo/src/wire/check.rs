//! What is wrong with the text of a chain, as far as the text alone tells: looked at while the program compiles where it is
//! a literal. Names that are not the library's may be codecs that are registered later; what a level may be, the
//! compressors say when the text is read.

use super::{codec, compress, settings};
use crate::{backend::Part, message::Message};

/// The first thing that is wrong with a text as for [`Wire::parse`](super::Wire::parse).
pub(crate) const fn fault(text: &str) -> Option<Message> {
    let query = position(text, b'?', 0);
    // First, as when the text is read.
    let settings = if query < text.len() { query + 1 } else { query };
    if let Some(fault) = settings::fault(Part { start: settings, end: text.len() }.of(text)) {
        return Some(fault);
    }
    let mut at = 0;
    while at <= query {
        let end = position(text, b'+', at);
        let end = if end < query { end } else { query };
        let name = Part { start: at, end }.of(text);
        let is_codec = at == 0 && !compress::is_name(name);
        if let Some(fault) = if is_codec { codec::missing(name) } else { compress::fault(name) } {
            return Some(fault);
        }
        at = end + 1;
    }
    None
}

/// What is wrong, and where.
pub(crate) const fn in_text(text: &str, fault: &str) -> Message {
    Message::new().text("in ").value(text).text(": ").text(fault)
}

/// Where a byte comes next, or the end.
const fn position(text: &str, byte: u8, mut at: usize) -> usize {
    let bytes = text.as_bytes();
    while at < bytes.len() && bytes[at] != byte {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Wire;

    #[test]
    fn what_is_found_while_compiling_is_what_is_found_when_it_is_read() {
        for text in [
            "zstd+json",
            "json+bincode",
            "json+lz4",
            "json+",
            "zlib+?level=1",
            "json+zstd?lever=3",
            "json+zstd?level",
            "json+zstd?level=high",
            "json+zstd?threshold=-1",
            "json+zstd?level=3&level=4",
            "json+zstd?level=3&&level=4",
        ] {
            let fault = fault(text).unwrap_or_else(|| panic!("{text} is accepted"));
            let message = Wire::parse(text).expect_err(text).to_string();
            assert!(message.contains(fault.as_str()), "{text}: {fault}, but then {message}");
        }
    }

    #[test]
    fn what_may_be_right_is_left_to_the_run() {
        for text in ["bincode", "raw", "mine", "mine+zstd", "zstd", "zlib+zstd", "", "bincode+zstd?level=3&threads=2&"]
        {
            // Where the parts are not built in, that is what is wrong.
            let fault = fault(text).map(|fault| fault.to_string());
            assert!(fault.as_ref().is_none_or(|fault| fault.contains("cargo feature")), "{text}: {fault:?}");
        }
    }
}
