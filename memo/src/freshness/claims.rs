//! Who makes which entries anew.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use crate::clock::{self, Millis};

/// After a failure the next try comes so much later.
const PAUSE: Millis = 1000;
/// Beyond so many, those are forgotten whose time has passed.
const MANY: usize = 256;

/// The keys of an instance, by their hashes, that somebody makes anew, or has tried to a moment ago. Two keys with one hash keep
/// each other from being made anew at the same time, and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashMap<u64, Claimed>>);

#[derive(Debug)]
enum Claimed {
    Now(Weak<()>),
    /// It failed; not before then.
    NotBefore(Millis),
}

/// The right to make an entry anew. Unless it was fulfilled by when it is dropped, that has failed.
#[derive(Debug)]
pub(crate) struct Claim {
    claims: Arc<Claims>,
    hash: u64,
    token: Arc<()>,
}

impl Claims {
    /// The right to make an entry anew; `None` if somebody does, or has failed to a moment ago.
    pub(crate) fn claim(self: &Arc<Self>, hash: u64) -> Option<Claim> {
        let mut claimed = self.0.lock();
        match claimed.get(&hash) {
            Some(Claimed::Now(token)) if token.strong_count() > 0 => return None,
            Some(Claimed::NotBefore(then)) if clock::now() < *then => return None,
            _ => {}
        }
        if claimed.len() >= MANY {
            let now = clock::now();
            claimed.retain(|_, claimed| match claimed {
                Claimed::Now(token) => token.strong_count() > 0,
                Claimed::NotBefore(then) => now < *then,
            });
        }
        let token = Arc::new(());
        claimed.insert(hash, Claimed::Now(Arc::downgrade(&token)));
        Some(Claim { claims: self.clone(), hash, token })
    }

    /// Has making it anew failed a moment ago?
    pub(crate) fn is_resting(&self, hash: u64) -> bool {
        matches!(self.0.lock().get(&hash), Some(Claimed::NotBefore(then)) if clock::now() < *then)
    }

    /// Making it anew has failed.
    pub(crate) fn failed(&self, hash: u64) {
        self.0.lock().insert(hash, Claimed::NotBefore(clock::now().saturating_add(PAUSE)));
    }

    /// A new value was stored.
    pub(crate) fn fulfilled(&self, hash: u64) {
        self.0.lock().remove(&hash);
    }
}

impl Claim {
    /// Nobody has tried.
    pub(crate) fn release(self) {
        self.end(None);
    }

    fn end(&self, then: Option<Claimed>) {
        let mut claimed = self.claims.0.lock();
        let is_open =
            matches!(claimed.get(&self.hash), Some(Claimed::Now(token)) if token.as_ptr() == Arc::as_ptr(&self.token));
        match then {
            _ if !is_open => {}
            Some(then) => drop(claimed.insert(self.hash, then)),
            None => drop(claimed.remove(&self.hash)),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.end(Some(Claimed::NotBefore(clock::now().saturating_add(PAUSE))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_the_right_and_after_a_failure_nobody_for_a_while() {
        let clock = clock::TestClock::install();
        let claims = Arc::new(Claims::default());
        let claim = claims.claim(7).expect("it is free");
        assert!(claims.claim(7).is_none() && claims.claim(8).is_some());
        drop(claim);
        assert!(claims.is_resting(7) && claims.claim(7).is_none());
        clock.advance(std::time::Duration::from_secs(2));
        let claim = claims.claim(7).expect("it may be tried again");
        claims.fulfilled(7);
        drop(claim);
        assert!(!claims.is_resting(7) && claims.claim(7).is_some());
    }
}
