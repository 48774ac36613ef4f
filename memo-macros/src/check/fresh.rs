//! Rules about values that are not fresh.

use super::Rules;
use crate::options::{Lifetime, Slot};

impl Rules<'_> {
    pub(super) fn windows_have_ttl(&self) {
        let options = self.options;
        if options.is_there("ttl", &options.ttl) || options.is_there("cache", &options.cache) {
            return;
        }
        let words =
            [options.stale_while_revalidate.word(), options.stale_if_error.word(), options.early_refresh.word()];
        for word in words.into_iter().flatten() {
            self.cx.error(
                word.span(),
                format!(
                    "`{word}` is about values whose ttl is over, or soon will be, but there is none; add `ttl = …`"
                ),
            );
        }
    }

    /// Both count from when the value was made.
    pub(super) fn windows_outlast_the_ttl(&self) {
        let options = self.options;
        let Some(Lifetime::Fixed(ttl)) = options.ttl.value() else { return };
        for given in [&options.stale_while_revalidate, &options.stale_if_error].into_iter().filter_map(Slot::given) {
            if given.value <= *ttl {
                self.cx.error(
                    given.word.span(),
                    format!(
                        "`{}` says how old a value may be, so it has to be longer than the `ttl` (here {} and {} ms)",
                        given.word, given.value, ttl
                    ),
                );
            }
        }
    }
}
