//! How a caller that found nothing is to go on, and what it has been through.

use std::num::NonZeroU64;

use crate::{
    call::{guest::Used, site::SingleFlight},
    clock::{self, Millis, NEVER},
};

/// How a caller that found nothing is to go on.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(in crate::call) struct Attempt {
    /// May it wait for another's run?
    pub(super) joins: bool,
    /// Until when it waits; it may be `NEVER`.
    deadline: Millis,
    /// How often it may ask the stores again because something changed there.
    pub(super) again: u8,
    /// Are other processes to wait for its run?
    pub(super) leases: bool,
    /// It has waited for the run of another process.
    has_waited: bool,
    /// Its value takes the place of whatever there is.
    pub(super) overwrites: bool,
    /// When the entry was made that was found, and not accepted; 0 if there was none.
    pub(super) refused: u64,
    /// When the entry in memory was made that is given only if the body fails.
    pub(super) spare: Option<NonZeroU64>,
}

impl Attempt {
    pub(super) fn first(instance: Used<'_>) -> Self {
        let options = instance.options();
        let deadline = options.wait_timeout.map_or(NEVER, |timeout| clock::now().saturating_add(timeout));
        let single_flight = instance.single_flight();
        let (joins, leases) = (single_flight != SingleFlight::Off, single_flight == SingleFlight::Distributed);
        Self { joins, deadline, again: 8, leases, has_waited: false, overwrites: false, refused: 0, spare: None }
    }

    /// Its value takes the place of whatever there is.
    pub(super) fn overwriting(self) -> Self {
        Self { overwrites: true, ..self }
    }

    /// Until when it waits, if there is a limit.
    pub(super) fn deadline(self) -> Option<Millis> {
        Some(self.deadline).filter(|deadline| *deadline != NEVER)
    }

    /// Waits for nobody any more.
    pub(super) fn alone(self) -> Self {
        Self { joins: false, leases: false, ..self }
    }

    /// Asks once more after something changed in the stores.
    pub(super) fn again(self) -> Self {
        Self { again: self.again.saturating_sub(1), ..self }
    }

    /// Asks again after others may have run the body.
    pub(super) fn after_waiting(self) -> Self {
        Self { has_waited: self.leases, ..self }
    }

    /// A hit of a caller who has waited for another process is one of its run.
    pub(super) fn count_wait(self, instance: Used<'_>) {
        if self.has_waited {
            instance.count(|counters| &counters.coalesced, 1);
        }
    }
}
