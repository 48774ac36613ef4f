//! The tags that this process cleared lately, so that it can be said why an entry is gone.

use std::{collections::VecDeque, time::Duration};

use parking_lot::Mutex;

use super::Tag;
use crate::clock::{self, Millis};

/// So many clearings are remembered.
const MOST: usize = 256;

/// The latest first.
static CLEARED: Mutex<VecDeque<(Vec<Tag>, Millis)>> = Mutex::new(VecDeque::new());

/// The entries that have all of these tags were cleared.
pub(super) fn note(tags: &[Tag]) {
    let mut cleared = CLEARED.lock();
    cleared.retain(|(known, _)| known != tags);
    cleared.truncate(MOST - 1);
    cleared.push_front((tags.to_vec(), clock::now()));
}

/// The last clearing that reached an entry with these tags, and how long ago it was.
pub(crate) fn clearing_of(tags: &[Tag]) -> Option<(Vec<Tag>, Duration)> {
    let cleared = CLEARED.lock();
    let (cleared, at) = cleared.iter().find(|(cleared, _)| cleared.iter().all(|tag| tags.contains(tag)))?;
    Some((cleared.clone(), Duration::from_millis(clock::now().saturating_sub(*at))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_clearing_is_found_and_old_ones_are_forgotten() {
        let tags = |names: &[&str]| names.iter().map(|name| Tag::from(*name)).collect::<Vec<_>>();
        let found = |names| clearing_of(&tags(names)).map(|(tags, _)| tags);
        note(&tags(&["recent a", "recent b"]));
        assert_eq!(found(&["recent a"]), None, "entries with both were cleared");
        assert_eq!(found(&["recent b", "x", "recent a"]), Some(tags(&["recent a", "recent b"])));
        note(&tags(&["recent a"]));
        assert_eq!(found(&["recent a", "recent b"]), Some(tags(&["recent a"])));
        for n in 0..MOST {
            note(&[Tag::from(format!("recent {n}"))]);
        }
        assert_eq!(found(&["recent a", "recent b"]), None);
        assert_eq!(CLEARED.lock().len(), MOST);
    }
}
