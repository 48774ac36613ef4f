//! Other types over the stores of a cache.

use serde::{Serialize, de::DeserializeOwned};

use super::{Builder, Cache, Key, Value};

impl<K: Key, V: Value> Cache<K, V> {
    /// Begins a cache of other types over the same stores, in a namespace of its own: `sessions.view("names")` is the cache
    /// `sessions:names`. Neither is cleared with the other. They share connections, and each has its own memory.
    ///
    /// Time to live, sliding, jitter, the bound by entries, the policy, the codec and silence are those of this cache as long as the
    /// builder is not told otherwise. A codec that it is told counts for the view even if the URL names another (with `level` and
    /// `threads`): `raw` keeps the bytes of texts and `Vec<u8>` as they are.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// # use memo::Cache;
    /// # let dir = std::env::temp_dir().join(format!("memo-view-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir).unwrap();
    /// # let url = format!("sqlite://{}/cache.db", dir.display());
    /// let users = Cache::<u64, String>::open("users", url)?;
    /// let pictures = users.view::<u64, Vec<u8>>("pictures").codec("raw").ttl(300).build()?;
    /// users.set(7, "ada".to_owned())?;
    /// pictures.set(7, vec![0x89, b'P', b'N', b'G'])?;
    /// users.clear()?;
    /// assert_eq!(pictures.get(&7)?.as_deref(), Some(&b"\x89PNG"[..]));
    /// # drop((users, pictures));
    /// # std::fs::remove_dir_all(&dir).unwrap();
    /// # }
    /// # Ok::<(), memo::Error>(())
    /// ```
    pub fn view<K2, V2>(&self, name: impl AsRef<str>) -> Builder<K2, V2>
    where
        K2: Key + Serialize + DeserializeOwned,
        V2: Value + Serialize + DeserializeOwned,
    {
        let name = match name.as_ref() {
            // Refused when it is built.
            "" => String::new(),
            name => format!("{}:{name}", self.0.name()),
        };
        self.0.inherited(Builder::new(name))
    }
}

/// A URL that leaves the codec to the builder, which was told this one: without the URL's own, what it says of compressors, and
/// settings that the builder's says, too.
pub(super) fn without_codec(url: &str, told: &str) -> String {
    let Some((place, params)) = url.split_once('?') else { return url.to_owned() };
    let settings = told.split_once('?').map_or("", |(_, settings)| settings);
    let gone: Vec<&str> = ["codec", "level", "threads"].into_iter().chain(settings.split('&').map(name)).collect();
    let others: Vec<&str> = params.split('&').filter(|param| !gone.contains(&name(param))).collect();
    if others.is_empty() { place.to_owned() } else { format!("{place}?{}", others.join("&")) }
}

/// Of `name=value`.
fn name(param: &str) -> &str {
    param.split_once('=').map_or(param, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_is_taken_out_of_urls() {
        for (url, told, without) in [
            ("lmdb://x", "raw", "lmdb://x"),
            ("lmdb://x?codec=json", "raw", "lmdb://x"),
            ("lmdb://x?ttl=5m&codec=json+zstd&sync=off", "raw", "lmdb://x?ttl=5m&sync=off"),
            ("lmdb://x?codec=zstd&level=9&threads=2&max_value=1MB", "raw", "lmdb://x?max_value=1MB"),
            ("lmdb://x?level=9&max_value=1MB&ttl=5m", "zlib?level=1&max_value=2MB", "lmdb://x?ttl=5m"),
        ] {
            assert_eq!(without_codec(url, told), without);
        }
    }
}
