//! How much two passages resemble each other: the best local alignment of their tokens.
//!
//! T. Smith, M. Waterman, "Identification of common molecular subsequences", 1981.

use std::{cmp::Reverse, ops::Range};

use crate::{minhash::PASSAGE, tokens::Token};

/// An equal token is worth this much, any edit costs `EDIT`.
const EQUAL: u32 = 2;
const EDIT: u32 = 3;

/// Two stretches of tokens that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alignment {
    /// The stretch in the first sequence.
    pub left: Range<usize>,
    /// The stretch in the second one.
    pub right: Range<usize>,
    /// Tokens that both have, in this order.
    pub equal: usize,
}

impl Alignment {
    /// The share of equal tokens, in percent.
    pub fn percent(&self) -> usize {
        100 * self.equal / self.left.len().max(self.right.len()).max(1)
    }

    fn overlaps(&self, other: &Self) -> bool {
        let meet = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
        meet(&self.left, &other.left) && meet(&self.right, &other.right)
    }

    /// Does the pair of places lie in the two stretches?
    fn covers(&self, left: usize, right: usize) -> bool {
        self.left.contains(&left) && self.right.contains(&right)
    }
}

/// The stretches that two texts share, found around the given places; longest first, no two of them overlap.
pub fn shared(
    left: &[Token],
    right: &[Token],
    places: &[(u32, u32)],
    is_enough: impl Fn(&Alignment) -> bool,
) -> Vec<Alignment> {
    let mut found: Vec<Alignment> = Vec::new();
    for &(l, r) in places {
        let (l, r) = (l as usize, r as usize);
        let middle = PASSAGE / 2;
        if found.iter().any(|a| a.covers(l + middle, r + middle)) {
            continue;
        }
        let alignment = around(left, right, l, r);
        if is_enough(&alignment) {
            found.push(alignment);
        }
    }
    found.sort_by_key(|alignment| Reverse(alignment.equal));
    let mut kept: Vec<Alignment> = Vec::new();
    for alignment in found {
        if !kept.iter().any(|other| other.overlaps(&alignment)) {
            kept.push(alignment);
        }
    }
    kept
}

/// The best alignment of two passages and what surrounds them, as far as it goes.
fn around(left: &[Token], right: &[Token], l: usize, r: usize) -> Alignment {
    let mut reach = PASSAGE;
    loop {
        let window = |length: usize, start: usize| start.saturating_sub(reach)..length.min(start + PASSAGE + reach);
        let (rows, columns) = (window(left.len(), l), window(right.len(), r));
        let found = best(&left[rows.clone()], &right[columns.clone()]);
        let touches = |part: &Range<usize>, window: &Range<usize>, length: usize| {
            (part.start == 0 && window.start > 0) || (part.end == window.len() && window.end < length)
        };
        let goes_on = touches(&found.left, &rows, left.len()) || touches(&found.right, &columns, right.len());
        if goes_on && reach < 32 * PASSAGE {
            reach *= 2;
            continue;
        }
        return Alignment {
            left: found.left.start + rows.start..found.left.end + rows.start,
            right: found.right.start + columns.start..found.right.end + columns.start,
            equal: found.equal,
        };
    }
}

/// A path through the table of both sequences that ends in one cell.
#[derive(Clone, Copy, Default)]
struct Path {
    score: u32,
    equal: u32,
    /// Where it begins.
    left: u32,
    right: u32,
}

/// The best alignment of any part of `left` with any part of `right`; empty if they share no token.
/// Cost: the product of both lengths.
pub fn best(left: &[Token], right: &[Token]) -> Alignment {
    let mut above = vec![Path::default(); right.len() + 1];
    let mut row = above.clone();
    let (mut winner, mut end) = (Path::default(), (0, 0));
    for (i, l) in (0_u32..).zip(left) {
        for (j, r) in right.iter().enumerate() {
            let path = step(above[j], above[j + 1], row[j], l.hash == r.hash, (i, j));
            if path.score > winner.score {
                winner = path;
                end = (i as usize + 1, j + 1);
            }
            row[j + 1] = path;
        }
        std::mem::swap(&mut above, &mut row);
    }
    Alignment { left: winner.left as usize..end.0, right: winner.right as usize..end.1, equal: winner.equal as usize }
}

/// The best path into the cell `at`, from its three neighbours.
fn step(diagonal: Path, above: Path, before: Path, is_equal: bool, at: (u32, usize)) -> Path {
    if is_equal {
        let from = if diagonal.score == 0 {
            Path { left: at.0, right: u32::try_from(at.1).unwrap_or(u32::MAX), ..Path::default() }
        } else {
            diagonal
        };
        return Path { score: from.score + EQUAL, equal: from.equal + 1, ..from };
    }
    let mut from = diagonal;
    for other in [above, before] {
        if other.score > from.score {
            from = other;
        }
    }
    Path { score: from.score.saturating_sub(EDIT), ..from }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tokenize;

    #[test]
    fn finds_the_common_part_with_its_edits() {
        let left = tokenize("x y a b c d e f g h z");
        let right = tokenize("q a b c D e f g h r s");
        let alignment = best(&left, &right);
        assert_eq!(alignment.left, 2..10);
        assert_eq!(alignment.right, 1..9);
        assert_eq!((alignment.equal, alignment.percent()), (7, 87));
    }

    #[test]
    fn what_shares_nothing_does_not_align() {
        let alignment = best(&tokenize("a b c"), &tokenize("d e f"));
        assert_eq!(alignment.equal, 0);
        assert!(alignment.left.is_empty());
    }
}
