//! Rules about functions whose entries live in a cache object.

use proc_macro2::Ident;

use super::Rules;

impl Rules<'_> {
    pub(super) fn in_a_cache(&self) {
        if self.options.cache.is_given() {
            self.says_nothing_of_the_object();
            self.key_is_certain();
        }
    }

    /// What is the same for all entries of the object is said where it is built.
    fn says_nothing_of_the_object(&self) {
        let options = self.options;
        let built = [
            (options.backend.word(), "where its entries live", "Cache::builder(…).backend(…)"),
            (options.codec.word(), "how its values become bytes", "Cache::builder(…).codec(…)"),
            (options.max_entries.word(), "how many entries it holds", "Cache::builder(…).max_entries(…)"),
            (options.max_weight.word(), "how much it holds", "Cache::builder(…).max_weight(…)"),
            (
                options.weigh.word().filter(|_| !options.max_weight.is_given()),
                "what an entry weighs",
                "Cache::builder(…).max_weight(…)",
            ),
            (options.policy.word(), "who leaves first", "Cache::builder(…).policy(…)"),
            (options.sliding.word(), "whether a hit restarts the ttl", "Cache::builder(…).sliding()"),
        ];
        for (word, what, builder) in built {
            if let Some(word) = word {
                self.refuse(word, &format!("a cache object is told {what} when it is built: `{builder}`"));
            }
        }
        if let Some(word) = options.version.word() {
            self.refuse(word, "entries of a cache object belong to no function, so they have no version of one");
        }
        if let Some(word) = options.scope.word() {
            self.refuse(word, "the entries of a cache object are for all who use it");
        }
    }

    fn refuse(&self, word: &Ident, why: &str) {
        self.cx.error(word.span(), format!("{why}; remove `{word}`, or `cache`"));
    }

    /// Whether a connection is in the key depends on its type, and the type of the key is that of the object's keys.
    fn key_is_certain(&self) {
        if self.options.key.is_given() {
            return;
        }
        for param in &self.analysis.params {
            let cache = self.options.cache.value();
            let is_said = self.options.exclude.iter().any(|name| param.is_called(name))
                || self.options.include.iter().any(|place| param.is_called(&place.root))
                || param.is_underscored()
                || param.is_mutable_reference()
                || cache.is_some_and(|cache| param.is(cache));
            if param.is_connection() && !is_said {
                let name = super::key::shown(param);
                self.cx.error_at(
                    &param.ty,
                    format!(
                        "by its type `{name}` looks like a connection, which is in the key only if it can be; the keys of a cache object have one type, so say `exclude({name})` or `include({name})`"
                    ),
                );
            }
        }
    }
}
