//! What stands in a store where a lease is: text, so that people can read it.

use super::{EntryKey, TIME};
use crate::{
    backend::{Change, UnixMillis},
    clock::Millis,
};

/// A number that no other holder of a lease has.
pub(super) type Token = u128;

/// Comes first where a lease is held.
const HELD: &str = "held";
/// Comes first where a run has brought nothing.
const ENDED: &str = "ended";
/// In place of a token where there is none.
const NOBODY: Token = 0;

/// What is known of a lease by whoever finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// Somebody runs the body.
    Held(Claim),
    /// The run of whoever had this token brought nothing that others can use.
    Ended(Token),
}

/// What the holder of a lease says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) token: Token,
    /// How often it was renewed: that the bytes change is the sign of life.
    pub(super) renewals: u64,
    /// After so many milliseconds without a change it is over.
    pub(super) time: Millis,
    /// The run before, if that brought nothing.
    pub(super) after: Option<Token>,
    /// What is computed.
    pub(super) key: String,
}

impl Claim {
    pub(super) fn new(token: Token, time: Millis, key: &EntryKey) -> Self {
        Self { token, renewals: 0, time, after: None, key: String::from_utf8_lossy(key.flat()).into_owned() }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let Self { token, renewals, time, after, key } = self;
        let after = after.unwrap_or(NOBODY);
        format!("{HELD} {token:032x} {renewals} {time} {after:032x} {key}").into_bytes()
    }

    /// When stores may forget it: far later than it is over, so that clocks may differ by much.
    pub(super) fn expires(&self, now: UnixMillis) -> UnixMillis {
        now.saturating_add(self.time.saturating_mul(10))
    }
}

impl Note {
    /// `None` if it is no note, or one of a later version.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(bytes).ok()?.splitn(6, ' ');
        let (kind, token) = (words.next()?, read_token(words.next()?)?);
        match kind {
            HELD => {
                let (renewals, time) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
                let after = Some(read_token(words.next()?)?).filter(|after| *after != NOBODY);
                Some(Self::Held(Claim { token, renewals, time, after, key: words.next()?.to_owned() }))
            }
            ENDED => Some(Self::Ended(token)),
            _ => None,
        }
    }

    /// After which time without a change is it over?
    pub(super) fn time(note: Option<&Self>) -> Millis {
        match note {
            Some(Self::Held(claim)) => claim.time,
            _ => TIME,
        }
    }
}

fn read_token(word: &str) -> Option<Token> {
    Token::from_str_radix(word, 16).ok()
}

/// What is left of a run that brought nothing.
pub(super) fn ended(token: Token) -> Vec<u8> {
    format!("{ENDED} {token:032x}").into_bytes()
}

/// Puts a note down. Who listens to a store hears of entries, not of leases.
pub(super) fn put(bytes: Vec<u8>, expires: Option<UnixMillis>) -> Change {
    Change::Set { bytes, expires, tags: Vec::new(), since: None, is_news: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for after in [None, Some(9)] {
            let claim = Claim { token: 7, renewals: 3, time: 10_000, after, key: "f|i|\"a b\"|0f".to_owned() };
            assert_eq!(Note::read(&claim.bytes()), Some(Note::Held(claim)));
        }
        assert_eq!(Note::read(&ended(7)), Some(Note::Ended(7)));
    }

    #[test]
    fn what_is_no_note_is_none() {
        let claim = Claim { token: 7, renewals: 3, time: 10_000, after: None, key: "f".to_owned() }.bytes();
        let cut = &claim[..claim.len() - 2];
        for bytes in [b"".as_slice(), b"held", b"held x", b"lent 07 1 2 3 f", b"\xff", cut] {
            assert_eq!(Note::read(bytes), None, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
