//! On what terms a value is stored: until when, under which tags, in place of what.

use std::any::Any;

use super::site::{Jitter, Options};
use crate::{
    clock::{self, Millis, NEVER},
    freshness::{Windows, fingerprint::Fingerprint},
    memory::{Put, entries::Weigh, stamp::Stamp},
    random::random,
    tags::Tag,
};

/// A time to live that was computed: `None` stands for none, entries never expire.
#[derive(Clone, Copy, Debug)]
pub struct Ttl(pub(crate) Option<Millis>);

/// What a value is stored with.
pub(crate) struct Terms {
    pub(crate) stores: bool,
    /// The time to live, where it is not the declared one.
    pub(crate) ttl: Option<Ttl>,
    /// The jitter, where it is not the declared one.
    pub(crate) jitter: Option<Jitter>,
    /// Jitter and sliding apply.
    pub(crate) varies: bool,
    /// It does not take the place of a live entry.
    pub(crate) yields: bool,
    pub(crate) tags: Vec<Tag>,
    /// The windows of whoever stores it, where they are not those of the function or cache.
    pub(crate) windows: Option<&'static Windows>,
    /// How long it took to make, in nanoseconds; 0 if that is not known.
    pub(crate) cost: u64,
    /// What its dependency looked like before it was made.
    pub(crate) dependency: Option<Fingerprint>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            stores: true,
            ttl: None,
            jitter: None,
            varies: true,
            yields: false,
            tags: Vec::new(),
            windows: None,
            cost: 0,
            dependency: None,
        }
    }
}

impl Terms {
    /// The times of a value that is stored now.
    pub(crate) fn stamp(&self, options: &Options) -> Stamp {
        let now = clock::now();
        let expires = match self.ttl.map_or(options.ttl, |ttl| ttl.0) {
            Some(ttl) => now.saturating_add(ttl).min(NEVER - 1),
            None => NEVER,
        };
        if !self.varies {
            return Stamp::new(now, expires);
        }
        let expires = with_jitter(now, expires, self.jitter.unwrap_or(options.jitter));
        let stamp = Stamp::new(now, expires).sliding(if options.sliding { expires.saturating_sub(now) } else { 0 });
        match self.windows.or(options.windows) {
            Some(windows) => windows.stamp(stamp, self.cost),
            None => stamp,
        }
    }

    /// Does a computed value leave a live entry where it is?
    pub(crate) fn yields(&self, options: &Options, overwrites: bool) -> bool {
        (self.yields || options.if_absent) && !overwrites
    }

    /// All tags of the value, the declared ones too.
    pub(crate) fn all_tags(&self, options: &Options) -> Vec<String> {
        options.tags.iter().map(|tag| (*tag).to_owned()).chain(self.tags.iter().map(Tag::to_string)).collect()
    }

    /// A value on its way into the store of a function with these options.
    pub(crate) fn put<'a>(
        &'a self,
        options: &Options,
        stamp: Stamp,
        value: &'a mut dyn Any,
        weigh: Option<Weigh<'a>>,
        overwrites: bool,
    ) -> Put<'a> {
        let yields = self.yields(options, overwrites);
        Put {
            value,
            stamp,
            tags: &self.tags,
            dependency: self.dependency.as_ref(),
            weigh,
            replaces: overwrites,
            yields,
        }
    }
}

/// A random time more, so that entries made together do not expire together.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a random share of a time needs no 53 bits, and is neither negative nor larger than it"
)]
fn with_jitter(now: Millis, expires: Millis, jitter: Jitter) -> Millis {
    if expires == NEVER || expires <= now {
        return expires;
    }
    let most = match jitter {
        Jitter::None => return expires,
        Jitter::Millis(most) => most,
        Jitter::Fraction(share) => ((expires - now) as f64 * share) as Millis,
    };
    let added = (u128::from(random()) * (u128::from(most) + 1)) >> 64;
    expires.saturating_add(added as Millis).min(NEVER - 1)
}
