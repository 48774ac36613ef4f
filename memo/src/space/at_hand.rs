//! What the first tier has for a call on a thread: it needs no future, and a plain hit is decoded where it is.

use std::{any::Any, cell::Cell};

use super::{
    EntryKey, Loaded, Space, Stores,
    loaded::{Found, Standing, check, is_due, standing},
};
use crate::{
    clock,
    error::Error,
    wire::{Through, frame::Parts},
};

/// What a key's first tier answered before the tiers are asked one after the other, and the epoch before that.
pub(crate) struct AtHand {
    pub(super) epoch: u64,
    pub(super) answer: Option<Result<Option<Vec<u8>>, Error>>,
}

thread_local! {
    /// Room for what this thread reads next, so that a plain hit allocates nothing for its bytes. Whoever reads takes it, so the
    /// user's `Deserialize` may read, too.
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// More room is not kept.
const MOST_KEPT: usize = 1 << 16;

fn room() -> Vec<u8> {
    ROOM.try_with(Cell::take).unwrap_or_default()
}

fn keep(room: Vec<u8>) {
    if room.capacity() <= MOST_KEPT {
        ROOM.try_with(|kept| kept.set(room)).ok();
    }
}

impl AtHand {
    /// No tier was asked.
    pub(super) fn nothing(stores: &Stores, key: &EntryKey) -> Self {
        Self { epoch: stores.epoch(key), answer: None }
    }

    /// The entry, if there is one that nothing is to be done about.
    pub(super) fn take(&mut self, key: &EntryKey) -> Option<Loaded> {
        let Some(Ok(Some(bytes))) = &mut self.answer else { return None };
        let Ok(Found::Alive(facts)) = check(bytes, key) else { return None };
        if facts.is_due() {
            return None;
        }
        Some(Loaded::new((std::mem::take(bytes), facts), 0, self.epoch))
    }
}

impl Space {
    /// Asks the first tier on this thread, if its store is open, and nothing can be newer than what is in it.
    pub(crate) fn at_hand(&self, key: &EntryKey) -> AtHand {
        let stores = &self.stores;
        let mut at_hand = AtHand::nothing(stores, key);
        let first = stores.tiers.known().first().filter(|_| stores.back.is_none() && stores.shared.owed.is_nothing());
        if let Some(tier) = first
            && !tier.is_timed()
            && !(stores.has_memory() && tier.is_unheard())
            && let Some(store) = tier.opened().and_then(|store| store.blocking())
        {
            if stores.has_memory() {
                stores.may_come(key);
            }
            let mut bytes = room();
            at_hand.answer = Some(match store.get_into(key.flat(), &mut bytes) {
                Ok(true) => Ok(Some(bytes)),
                other => {
                    keep(bytes);
                    other.map(|_| None).inspect_err(|_| tier.failed())
                }
            });
        }
        at_hand
    }

    /// Decodes what is at hand into an `Option` of the function's type, if that is all there is to a hit: the entry is to be
    /// neither restarted nor copied, and nobody but whoever decodes it looks at it. Otherwise nothing has happened.
    pub(crate) fn take_at_hand(&self, key: &EntryKey, at_hand: &mut AtHand, to: &mut dyn Any) -> bool {
        let Some(Ok(Some(bytes))) = &mut at_hand.answer else { return false };
        if !self.decodes_plainly(bytes, key, to) {
            return false;
        }
        keep(std::mem::take(bytes));
        self.tally.hit(0);
        true
    }

    fn decodes_plainly(&self, bytes: &[u8], key: &EntryKey, to: &mut dyn Any) -> bool {
        let Ok(frame) = &Parts::read(bytes) else { return false };
        let is_plain = matches!(standing(frame, key), Standing::Alive)
            && !is_due(frame.fresh_until.or(frame.expires), frame.window.unwrap_or(0))
            && frame.fresh_until.is_none_or(|end| clock::unix_now() < end)
            && (!frame.has_tags() || frame.tags().is_ok());
        if !is_plain {
            return false;
        }
        let Some(through) = Through::known(frame.codec, frame.compressors) else { return false };
        self.values.decode(&through, frame.value, self.stores.tiers.max_value(0), to).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_kept_until_somebody_takes_it_unless_it_is_large() {
        keep(Vec::with_capacity(MOST_KEPT));
        assert_eq!((room().capacity(), room().capacity()), (MOST_KEPT, 0));
        keep(Vec::with_capacity(MOST_KEPT + 1));
        assert_eq!(room().capacity(), 0);
    }
}
