//! Rules about stores outside of memory.

use super::Rules;
use crate::options::{Backends, Scope, SingleFlight, is_memory};

impl Rules<'_> {
    pub(super) fn outside_of_memory(&self) {
        let options = self.options;
        if options.is_there("cache", &options.cache) {
            return;
        }
        let outside = options.backend.value().filter(|backends| backends.is_outside());
        if !options.is_there("backend", &options.backend) || options.backend.value().is_some_and(|b| !b.is_outside()) {
            for word in
                [options.codec.word(), options.version.word(), options.backend_timeout.word()].into_iter().flatten()
            {
                let message = format!(
                    "`{word}` is about entries outside of memory, but there are none; add `backend = \"sqlite://cache.db\"`, or remove it"
                );
                self.cx.error(word.span(), message);
            }
            self.one_run_of_one_process();
        }
        self.time_for_stores();
        self.tiers_to_write_to();
        if let Some(backends) = outside {
            self.built_with_stores(backends);
            self.store_of_all_threads();
            self.bounds_of_memory(backends);
        }
    }

    fn time_for_stores(&self) {
        if let Some(word) =
            self.options.backend_timeout.word().filter(|_| self.options.backend_timeout.value() == Some(&0))
        {
            self.cx.error(word.span(), "no store answers in no time; write how long one is waited for, or remove it");
        }
    }

    /// There is no store that other processes could share.
    fn one_run_of_one_process(&self) {
        let options = self.options;
        // That nobody waits there is said elsewhere.
        if options.scope.value() == Some(&Scope::Thread) {
            return;
        }
        if let Some(given) = options.single_flight.given()
            && given.value == SingleFlight::Distributed
        {
            self.cx.error(
                given.word.span(),
                "`single_flight = \"distributed\"` is one run for all who share a store, but there is none; add `backend = \"redis://…\"` or `cache = …`, or remove it",
            );
        }
    }

    fn tiers_to_write_to(&self) {
        let options = self.options;
        let has_several =
            options.backend.value().map_or(options.is_there("backend", &options.backend), |b| b.urls.len() > 1);
        if let Some(word) = options.write.word().filter(|_| !has_several) {
            self.cx.error(
                word.span(),
                "`write` says when the tiers behind the first get a value, but there are none; name several, like `backend = [\"memory\", \"sqlite://cache.db\"]`, or remove it",
            );
        }
    }

    /// Cargo unites features, so a `memo` of a build script may be without stores and this crate with them; then the runtime
    /// lacks what generated code names, which is an error too, if not a clear one.
    fn built_with_stores(&self, backends: &Backends) {
        if cfg!(feature = "stores") {
            return;
        }
        if let Some(url) = backends.urls.iter().find(|url| !is_memory(url)) {
            self.cx
                .error(url.span(), "`backend` needs a cargo feature of `memo`: `sqlite`, `file`, `lmdb`, or `stores`");
        }
    }

    fn store_of_all_threads(&self) {
        if self.options.scope.value() == Some(&Scope::Thread)
            && let Some(word) = self.options.backend.word()
        {
            self.cx.error(
                word.span(),
                "a store is used by all threads, so `backend` and `scope = \"thread\"` contradict each other; remove one of them",
            );
        }
    }

    fn bounds_of_memory(&self, backends: &Backends) {
        if backends.has_memory() {
            return;
        }
        let options = self.options;
        let words = [options.max_entries.word(), options.max_weight.word()];
        for word in words.into_iter().flatten() {
            self.cx.error(
                word.span(),
                format!(
                    "`{word}` bounds the tier in memory, and there is none; put \"memory\" before the URL, or bound the store in its URL, like `sqlite://cache.db?max_entries=1000`"
                ),
            );
        }
    }
}
