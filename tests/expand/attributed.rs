//! What `by_hand.rs` is the expansion of: every kind of item once, with few options.

use std::hash::Hash;

use memo::memoize;

#[memoize(ttl = 300, tags = [format!("user:{id}")], exclude(log), cache_if = |user| user.is_some())]
pub fn user(log: &str, id: u64) -> Option<String> {
    (id > 0).then(|| format!("{log}{id}"))
}

#[memoize]
pub async fn fetch(url: &str) -> Result<String, std::fmt::Error> {
    Ok(url.to_owned())
}

#[memoize(max_entries = 10)]
pub fn pair<T: Hash + Eq + Clone + Send + Sync + 'static, const N: usize>(value: T) -> ([T; N], usize) {
    (std::array::from_fn(|_| value.clone()), N)
}

pub struct Repo {
    pub tenant: u32,
}

impl Repo {
    #[memoize(include(self.tenant))]
    pub fn profile(&self, id: u64) -> String {
        format!("{}:{id}", self.tenant)
    }
}

pub trait Load {
    type Key;
    fn load(&self, key: Self::Key) -> u64;
}

#[memoize]
impl Load for Repo {
    type Key = u32;

    #[memoize(exclude(self))]
    fn load(&self, key: Self::Key) -> u64 {
        u64::from(key) + u64::from(self.tenant)
    }
}
