//! Where entries stand: their keys, and the groups that a cluster spreads them over.

use xxhash_rust::xxh3::xxh3_64;

use crate::{backend::keys::address_end, error::Error};

/// So many groups there are in a cluster.
const GROUPS: usize = 64;

pub(super) struct Layout {
    prefix: String,
    groups: usize,
    channel: String,
}

/// Something to be done in a group.
pub(super) struct Job {
    pub(super) group: usize,
    /// For which of the things that were asked for.
    pub(super) number: usize,
    /// Behind which key it goes on.
    pub(super) after: Option<Vec<u8>>,
}

impl Layout {
    /// # Errors
    ///
    /// If what stands under the prefix could be taken for what stands under another.
    pub(super) fn new(prefix: &str, is_cluster: bool, database: i64) -> Result<Self, Error> {
        // `a:e:k` would be the index of `a:e`, and an entry of `a`.
        if let Some(part) = prefix.split(':').skip(1).find(|part| matches!(*part, "e" | "t")) {
            return Err(Error::config(format!(
                "`prefix={prefix}`: `:{part}` in it could be the keys of another prefix, `e` and `t` can't stand behind a colon"
            )));
        }
        if prefix.strip_prefix('{').and_then(|rest| rest.split_once('}')).is_some_and(|(group, _)| is_number(group)) {
            return Err(Error::config(format!(
                "`prefix={prefix}`: a number in braces at the beginning is what this library writes before the keys of a cluster"
            )));
        }
        // All databases of a server share their channels.
        let channel = if database == 0 { format!("{prefix}:n") } else { format!("{prefix}:n:{database}") };
        Ok(Self { prefix: prefix.to_owned(), groups: if is_cluster { GROUPS } else { 1 }, channel })
    }

    /// Does everything stand together?
    pub(super) fn is_one(&self) -> bool {
        self.groups == 1
    }

    /// What the keys of a group begin with. In a cluster, what stands between the braces decides on the slot.
    pub(super) fn base(&self, group: usize) -> String {
        if self.is_one() { format!("{}:", self.prefix) } else { format!("{{{group}}}{}:", self.prefix) }
    }

    /// Where what changes is published.
    pub(super) fn channel(&self) -> &str {
        &self.channel
    }

    /// The key of an entry.
    pub(super) fn entry(&self, key: &[u8]) -> Vec<u8> {
        let mut entry = if self.is_one() {
            Vec::with_capacity(self.prefix.len() + 3 + key.len())
        } else {
            format!("{{{}}}", self.group(key)).into_bytes()
        };
        entry.extend_from_slice(self.prefix.as_bytes());
        entry.extend_from_slice(b":e:");
        entry.extend_from_slice(key);
        entry
    }

    fn group(&self, key: &[u8]) -> usize {
        if self.is_one() {
            return 0;
        }
        let end = address_end(key).unwrap_or(key.len());
        // The remainder of a number below 2^64 by 64.
        usize::try_from(xxh3_64(&key[..end]) % self.groups as u64).unwrap_or(0)
    }

    /// A job for each key.
    pub(super) fn of<'a>(&self, keys: impl IntoIterator<Item = &'a [u8]>) -> Vec<Job> {
        let job = |(number, key)| Job { group: self.group(key), number, after: None };
        keys.into_iter().enumerate().map(job).collect()
    }

    /// A job for each prefix in each group that may have keys under it.
    pub(super) fn under(&self, prefixes: &[&[u8]]) -> Vec<Job> {
        let mut jobs = Vec::new();
        for (number, prefix) in prefixes.iter().enumerate() {
            let groups = match address_end(prefix) {
                Some(_) => self.group(prefix)..self.group(prefix) + 1,
                None => 0..self.groups,
            };
            jobs.extend(groups.map(|group| Job { group, number, after: None }));
        }
        jobs
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The jobs of each group, in their order.
pub(super) fn by_group(mut jobs: Vec<Job>) -> Vec<Vec<Job>> {
    jobs.sort_by_key(|job| job.group);
    let mut groups: Vec<Vec<Job>> = Vec::new();
    for job in jobs {
        match groups.last_mut().filter(|group| group.first().is_some_and(|first| first.group == job.group)) {
            Some(group) => group.push(job),
            None => groups.push(vec![job]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_versions_of_an_entry_stand_in_one_group() {
        let layout = Layout::new("memo", true, 0).expect("a good prefix");
        let [entry, other] = [b"f|i|args|1", b"f|i|args|2"].map(|key| layout.group(key));
        assert_eq!(entry, other);
        let jobs = layout.under(&[b"f|i|args|"]);
        assert!(jobs.len() == 1 && jobs[0].group == entry);
        assert_eq!(layout.under(&[b"f|i|"]).len(), GROUPS);
        assert!(layout.entry(b"f|i|args|1").starts_with(format!("{{{entry}}}memo:e:f|").as_bytes()));
    }

    #[test]
    fn no_prefix_stands_in_another() {
        let layout = |prefix: &str| Layout::new(prefix, false, 0);
        for prefix in ["a:e", "a:t", "a:e:b", "a::t:", "{1}", "{17}app"] {
            let error = layout(prefix).err().expect(prefix);
            assert!(error.is_config() && error.to_string().contains(prefix), "{error}");
        }
        for prefix in ["e", "t:b", "a:em", "app:cache", "{app}", "{1", "{}1", "x{1}", ""] {
            assert!(layout(prefix).is_ok(), "{prefix}");
        }
    }

    #[test]
    fn databases_are_heard_apart() {
        let channels = [0, 1, 11].map(|number| Layout::new("a", false, number).expect("good").channel().to_owned());
        assert_eq!(channels, ["a:n", "a:n:1", "a:n:11"]);
    }

    #[test]
    fn one_server_has_one_group() {
        let layout = Layout::new("a*", false, 0).expect("a good prefix");
        assert_eq!((layout.base(0).as_str(), layout.entry(b"k").as_slice()), ("a*:", &b"a*:e:k"[..]));
        assert_eq!(layout.under(&[b"", b"f|i|a|"]).len(), 2);
    }
}
