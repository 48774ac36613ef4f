//! Text as a sequence of tokens: words, and single signs.

/// A word or a sign, by its hash, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// The hash of the token's text; the same text has the same hash in every file.
    pub hash: u64,
    /// The line, counted from 1.
    pub line: u32,
}

/// Takes a text apart. Letters, digits and `_` make words; everything else but white space stands for itself.
pub fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 4);
    for (line, number) in text.lines().zip(1..) {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let length =
                if is_word(first) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
            let (token, behind) = rest.split_at(length);
            tokens.push(Token { hash: hash(token), line: number });
            rest = behind.trim_start();
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// FNV-1a (Fowler, Noll, Vo; RFC 9923), the same in every build: what is made of it may be kept.
fn hash(token: &str) -> u64 {
    token.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_does_not_count_but_lines_are_known() {
        let (one, two) = (tokenize("f(a_1,  b)"), tokenize("f (a_1,\n\tb\n)"));
        assert!(one.iter().map(|t| t.hash).eq(two.iter().map(|t| t.hash)));
        assert_eq!(one.len(), 6);
        assert!(two.iter().map(|token| token.line).eq([1, 1, 1, 1, 2, 3].into_iter()));
    }
}
