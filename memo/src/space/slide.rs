//! Entries that slide: a hit begins their time to live anew, in all stores that hold them.

use std::sync::Arc;

use super::{EntryKey, Face, Loaded, Stores, tier::LiveTier};
use crate::{
    backend::{Change, Store, UnixMillis},
    clock,
    error::Error,
    memory::stamp::restarts_from,
    wire::{Frame, frame::with_expiry},
};

impl Stores {
    /// Begins the time to live of an entry anew, if that is due, in these tiers: the one that had it, and those behind. Tiers
    /// for which something of the key waits are left alone: it takes the place of whatever they have, in nobody's turn. What
    /// fails is counted here.
    pub(super) async fn restart(
        self: &Arc<Self>,
        face: Face,
        tiers: &[Arc<LiveTier>],
        key: &EntryKey,
        loaded: &mut Loaded,
    ) {
        if !loaded.is_due() {
            return;
        }
        let (stores, tiers, key) = (self.clone(), tiers.to_vec(), key.clone());
        let (first, created) = (loaded.tier(), loaded.created());
        let change = async move {
            let _turn = stores.turn(face, &key).await;
            let mut end = None;
            // As in all changes, what is read later is changed first.
            for (place, tier) in tiers.iter().enumerate().rev() {
                if stores.back.as_ref().is_some_and(|back| back.is_to_write(first + place, &key)) {
                    continue;
                }
                let at = key.clone();
                let work = move |store: Store| async move { restart_in(&store, &at, created).await };
                match tier.change(face, work).await {
                    Ok(restarted) if place == 0 => end = restarted,
                    Ok(_) => {}
                    Err(error) => stores.failed(&error),
                }
            }
            end
        };
        if let Some(end) = face.finish(change).await {
            loaded.ends_at(end);
        }
    }
}

/// Restarts the entry that was made at that time; gives its end.
async fn restart_in(store: &Store, key: &EntryKey, created: UnixMillis) -> Result<Option<UnixMillis>, Error> {
    let mut end = None;
    let mut restart = |bytes: Option<&[u8]>| {
        let restarted = bytes.and_then(|bytes| restarted(bytes, key.full(), created));
        end = restarted.as_ref().map(|(end, _)| *end);
        restarted.map_or(Change::Keep, |(_, change)| change)
    };
    store.update(key.flat(), &mut restart).await?;
    Ok(end)
}

/// The entry of a key with its time to live begun anew, and when it ends then: if it is still the one that was made at that
/// time, alive, and nobody has restarted it since.
fn restarted(bytes: &[u8], full: &str, created: UnixMillis) -> Option<(UnixMillis, Change)> {
    let frame = Frame::read(bytes).ok().filter(|frame| frame.key == full && frame.created == created)?;
    let (expires, window) = frame.expires.zip(frame.window.filter(|window| *window != 0))?;
    let now = clock::unix_now();
    if frame.is_over(now) {
        return None;
    }
    let fresh_until = frame.fresh_until.unwrap_or(expires);
    if restarts_from(fresh_until, window) > now {
        return Some((expires, Change::Keep));
    }
    let end = now.saturating_add(window).saturating_add(expires.saturating_sub(fresh_until));
    let tags = frame.tags.iter().map(str::to_owned).collect();
    Some((
        end,
        Change::Set {
            bytes: with_expiry(bytes, Some(end)).ok()?,
            expires: Some(end),
            tags,
            since: None,
            is_news: false,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::write::written;

    /// An entry that ends this much later than now, with a window of 1,600 ms.
    fn entry(later: UnixMillis) -> (UnixMillis, Vec<u8>) {
        let now = clock::unix_now();
        let expires = Some(now + later);
        let frame = Frame { key: "key", created: 7, expires, window: Some(1600), ..Frame::default() };
        (now, written(&frame).expect("a frame can be written"))
    }

    #[test]
    fn what_is_due_ends_a_window_from_now() {
        let (now, bytes) = entry(1500);
        let Some((end, Change::Set { bytes, expires, .. })) = restarted(&bytes, "key", 7) else {
            panic!("it is due");
        };
        assert!(end >= now + 1600 && expires == Some(end));
        let frame = Frame::read(&bytes).expect("it is whole");
        assert_eq!((frame.expires, frame.window), (Some(end), Some(1600)));
    }

    #[test]
    fn what_was_restarted_a_moment_ago_stays() {
        // Far enough in the future that the test may take its time.
        let (now, bytes) = entry(1_000_000);
        let kept = restarted(&bytes, "key", 7);
        assert!(matches!(kept, Some((end, Change::Keep)) if end == now + 1_000_000));
    }

    #[test]
    fn another_entry_is_left_alone() {
        let (_, bytes) = entry(1500);
        assert!(restarted(&bytes, "key", 8).is_none(), "it was stored later");
        assert!(restarted(&bytes, "other", 7).is_none(), "it is another key's");
        assert!(restarted(&bytes[1..], "key", 7).is_none(), "it is none");
        let (_, over) = entry(0);
        assert!(restarted(&over, "key", 7).is_none(), "it is over");
    }
}
