//! Which passages may resemble each other: `MinHash` signatures, and bands of them.
//!
//! A. Broder, "On the resemblance and containment of documents", 1997. The share of equal places of two signatures
//! estimates how many shingles their passages have in common; passages that agree in a whole band of places are
//! candidates.

use std::cmp::Ordering;

use crate::tokens::Token;

/// Tokens in a passage.
pub const PASSAGE: usize = 64;
/// Passages overlap: one starts this many tokens behind the other.
const STEP: usize = 16;
/// A shorter text has no passage.
const SHORTEST: usize = 32;
/// Lengths of the token runs that stand for a passage.
const SHINGLES: [usize; 4] = [2, 3, 5, 8];
/// Places of a signature that make a band. More of them ask for more likeness.
const ROWS: usize = 4;

/// A random reordering of all hashes: `x * factor + shift`.
#[derive(Clone, Copy, Debug)]
pub struct Permutation {
    factor: u64,
    shift: u64,
}

/// The same `count` permutations every time, by the generator `SplitMix64`.
pub fn permutations(count: usize) -> Vec<Permutation> {
    let mut state = 0_u64;
    let mut random = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(state)
    };
    (0..count).map(|_| Permutation { factor: random() | 1, shift: random() }).collect()
}

/// A band of the signature of a passage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Band {
    hash: u64,
    /// Where the passage starts.
    pub start: u32,
}

/// The bands of all passages of a text, sorted. Cost: tokens × permutations × 16 hashes.
pub fn bands(tokens: &[Token], permutations: &[Permutation]) -> Vec<Band> {
    let mut bands = Vec::new();
    let mut shingles = Vec::new();
    for start in (0..tokens.len()).step_by(STEP) {
        let passage = &tokens[start..tokens.len().min(start + PASSAGE)];
        if passage.len() < SHORTEST {
            break;
        }
        shingles.clear();
        add_shingles(passage, &mut shingles);
        let signature = signature(&shingles, permutations);
        let start = u32::try_from(start).unwrap_or(u32::MAX);
        bands.extend(signature.chunks(ROWS).zip(0..).map(|(rows, number)| Band { hash: band(number, rows), start }));
    }
    bands.sort_unstable();
    bands
}

/// The signature of a whole text. Cost: tokens × permutations × 4 hashes.
pub fn signature_of(tokens: &[Token], permutations: &[Permutation]) -> Vec<u64> {
    let mut shingles = Vec::new();
    add_shingles(tokens, &mut shingles);
    signature(&shingles, permutations)
}

/// How many of their shingles two texts have in common, in percent, by their signatures of the same permutations.
pub fn resemblance(left: &[u64], right: &[u64]) -> usize {
    let equal = left.iter().zip(right).filter(|(one, other)| one == other).count();
    100 * equal / left.len().max(1)
}

/// Pairs of passages that agree in a band at least, by their starts; sorted, each once.
pub fn candidates(left: &[Band], right: &[Band]) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    let (mut left, mut right) = (left, right);
    while let (Some(l), Some(r)) = (left.first(), right.first()) {
        match l.hash.cmp(&r.hash) {
            Ordering::Less => left = &left[1..],
            Ordering::Greater => right = &right[1..],
            Ordering::Equal => {
                let (same_left, rest_left) = split(left, l.hash);
                let (same_right, rest_right) = split(right, l.hash);
                for one in same_left {
                    pairs.extend(same_right.iter().map(|other| (one.start, other.start)));
                }
                (left, right) = (rest_left, rest_right);
            }
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

fn split(bands: &[Band], hash: u64) -> (&[Band], &[Band]) {
    let end = bands.iter().position(|band| band.hash != hash).unwrap_or(bands.len());
    bands.split_at(end)
}

/// The least value of all shingles under every permutation.
fn signature(shingles: &[u64], permutations: &[Permutation]) -> Vec<u64> {
    permutations
        .iter()
        .map(|permutation| {
            let reorder = |x: &u64| x.wrapping_mul(permutation.factor).wrapping_add(permutation.shift);
            shingles.iter().map(reorder).min().unwrap_or(u64::MAX)
        })
        .collect()
}

fn add_shingles(tokens: &[Token], shingles: &mut Vec<u64>) {
    for length in SHINGLES {
        shingles.extend(tokens.windows(length).map(shingle));
    }
}

fn shingle(tokens: &[Token]) -> u64 {
    tokens.iter().fold(0, |hash, token| mix(hash ^ token.hash))
}

fn band(number: u64, rows: &[u64]) -> u64 {
    rows.iter().fold(mix(number), |hash, row| mix(hash ^ row))
}

/// The finalizer of `SplitMix64` (G. Steele, D. Lea, C. Flood, 2014).
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tokenize;

    fn text(seed: u64) -> String {
        let word = |n: u64| format!("w{} ", mix(seed * 1000 + n) % 500);
        (0..60).map(word).collect()
    }

    #[test]
    fn alike_passages_are_candidates_and_others_are_not() {
        let permutations = permutations(256);
        let bands = |text: &str| bands(&tokenize(text), &permutations);
        let original = bands(&text(1));
        let edited = bands(&text(1).replacen("w1", "x1", 3));
        assert!(!candidates(&original, &edited).is_empty());
        assert!(candidates(&original, &bands(&text(2))).is_empty());
    }

    #[test]
    fn whole_texts_are_compared_by_their_signatures() {
        let permutations = permutations(256);
        let signature = |text: &str| signature_of(&tokenize(text), &permutations);
        let original = signature(&text(1));
        assert_eq!(resemblance(&original, &original), 100);
        assert!(resemblance(&original, &signature(&text(1).replacen("w1", "x1", 3))) > 50);
        assert!(resemblance(&original, &signature(&text(2))) < 20);
    }
}
