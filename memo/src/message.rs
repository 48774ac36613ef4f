//! Messages that can be written while a program compiles.

use std::fmt;

/// More is left out.
const ROOM: usize = 2048;
/// What users wrote is cut here, so that there is room to say what is wrong with it.
const MOST_OF_A_VALUE: usize = 400;
/// What stands for what was left out.
const CUT: &str = "…";

/// A text of limited length.
#[derive(Clone, Copy)]
pub(crate) struct Message {
    bytes: [u8; ROOM],
    length: usize,
}

impl Message {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; ROOM], length: 0 }
    }

    /// Adds a text.
    pub(crate) const fn text(mut self, text: &str) -> Self {
        let (text, _) = cut(text, ROOM - self.length);
        let (_, room) = self.bytes.split_at_mut(self.length);
        room.split_at_mut(text.len()).0.copy_from_slice(text.as_bytes());
        self.length += text.len();
        self
    }

    /// Adds what users wrote.
    pub(crate) const fn cut(self, text: &str) -> Self {
        let (kept, is_cut) = cut(text, MOST_OF_A_VALUE);
        let message = self.text(kept);
        if is_cut { message.text(CUT) } else { message }
    }

    /// Adds what users wrote, or a name, in quotes.
    pub(crate) const fn value(self, text: &str) -> Self {
        self.text("`").cut(text).text("`")
    }

    /// Adds a name to a list that has so many already.
    pub(crate) const fn item(self, listed: usize, name: &str) -> Self {
        let message = if listed == 0 { self } else { self.text(", ") };
        message.value(name)
    }

    /// Adds a list of names.
    pub(crate) const fn values(mut self, names: &[&str]) -> Self {
        let mut at = 0;
        while at < names.len() {
            self = self.item(at, names[at]);
            at += 1;
        }
        self
    }

    /// Adds a whole number.
    pub(crate) const fn number(self, number: i64) -> Self {
        let mut digits = [b'0'; 20];
        let (mut left, mut at) = (number.unsigned_abs(), digits.len());
        loop {
            at -= 1;
            digits[at] = b"0123456789"[(left % 10) as usize];
            left /= 10;
            if left == 0 {
                break;
            }
        }
        let message = if number < 0 { self.text("-") } else { self };
        message.text(valid(digits.split_at(at).1))
    }

    pub(crate) const fn as_str(&self) -> &str {
        valid(self.bytes.split_at(self.length).0)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// As much of a text as takes at most so many bytes; is something missing?
const fn cut(text: &str, most: usize) -> (&str, bool) {
    if text.len() <= most {
        return (text, false);
    }
    (text.split_at(text.floor_char_boundary(most)).0, true)
}

/// A text from bytes, which were texts.
const fn valid(bytes: &[u8]) -> &str {
    match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_while_compiling() {
        const MESSAGE: Message = Message::new().value("a").text(": ").values(&["b", "c"]).text(" ").number(-120);
        assert_eq!(MESSAGE.as_str(), "`a`: `b`, `c` -120");
        for number in [0, 9, 10, i64::MAX, i64::MIN] {
            assert_eq!(Message::new().number(number).as_str(), number.to_string());
        }
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let long = "ü".repeat(3000);
        let value = Message::new().value(&format!("a{long}")).to_string();
        assert!(value.len() < MOST_OF_A_VALUE + 6 && value.ends_with("ü…`"), "{value}");
        let mut message = Message::new().text("a");
        for _ in 0..2 {
            message = message.text(&long);
        }
        assert_eq!(message.as_str().len(), ROOM - 1);
    }
}
