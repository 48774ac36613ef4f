//! "did you mean": the known name nearest to a misspelt one.

/// The candidate within a third of the word's length (at least one edit), the nearest first.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= allowed && *edits < candidate.chars().count())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Edits between two words: insertion, deletion, substitution, and the swap of two neighbours
/// (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substitution = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitution.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest() {
        let names = ["ttl", "tag", "tags", "max_entries"];
        assert_eq!(did_you_mean("tll", names), Some("ttl"));
        assert_eq!(did_you_mean("tlt", names), Some("ttl"));
        assert_eq!(did_you_mean("max_entires", names), Some("max_entries"));
        assert_eq!(did_you_mean("tagss", names), Some("tags"));
    }

    #[test]
    fn leaves_strangers_alone() {
        assert_eq!(did_you_mean("backend", ["ttl", "tag"]), None);
        assert_eq!(did_you_mean("x", ["y"]), None);
    }

    #[test]
    fn a_swap_is_one_edit() {
        assert_eq!(distance("sacn", "scan"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
