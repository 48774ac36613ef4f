//! What a URL says about an environment.

use heed::EnvFlags;

use crate::{backend::Url, error::Error};

/// Sizes of maps are multiples of this, which pages of all systems divide.
const STEP: u64 = 64 << 10;
/// Where a map begins, and where it ends, unless the URL says.
const MAP_SIZE: u64 = 1 << 30;
const MAX_MAP_SIZE: u64 = if cfg!(target_pointer_width = "64") { 1 << 40 } else { 1 << 30 };
const MAX_READERS: u32 = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) map_size: usize,
    pub(super) max_map_size: usize,
    pub(super) max_readers: u32,
    pub(super) sync: Durability,
}

/// When a commit reaches the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// Before it returns.
    Full,
    /// All but its last step.
    Meta,
    /// When the system likes.
    Off,
}

impl Settings {
    /// Those of a URL. `max_map_size` is the default of the place, if it has one.
    pub(super) fn of(url: &Url, sync: Option<Durability>, max_map_size: Option<u64>) -> Result<Self, Error> {
        let max_map_size = url.size("max_map_size")?.or(max_map_size).unwrap_or(MAX_MAP_SIZE);
        let map_size = match url.size("map_size")? {
            Some(map_size) if map_size > max_map_size => {
                return Err(Error::config(format!(
                    "`map_size={map_size}` in `{url}` is more than `max_map_size`, which is {max_map_size}"
                )));
            }
            Some(map_size) => map_size,
            None => MAP_SIZE.min(max_map_size),
        };
        let max_readers = url.integer("max_readers")?.map_or(Ok(MAX_READERS), u32::try_from);
        let sync = sync.unwrap_or(match url.param("sync") {
            Some("off") => Durability::Off,
            Some("meta") => Durability::Meta,
            _ => Durability::Full,
        });
        Ok(Self {
            map_size: stepped(url, map_size)?,
            max_map_size: stepped(url, max_map_size)?,
            max_readers: max_readers.map_err(|_| Error::config(format!("`max_readers` in `{url}` is too large")))?,
            sync,
        })
    }

    pub(super) fn flags(&self) -> EnvFlags {
        match self.sync {
            Durability::Full => EnvFlags::empty(),
            Durability::Meta => EnvFlags::NO_META_SYNC,
            Durability::Off => EnvFlags::NO_SYNC,
        }
    }

    /// What others that open the same environment must say alike: the name of what differs. How large a map begins is no
    /// business of those who come later.
    pub(super) fn contradiction(&self, other: &Self) -> Option<&'static str> {
        [
            ("sync", self.sync == other.sync),
            ("max_map_size", self.max_map_size == other.max_map_size),
            ("max_readers", self.max_readers == other.max_readers),
        ]
        .into_iter()
        .find_map(|(name, alike)| (!alike).then_some(name))
    }

    /// The size up to which a map may grow while entries are removed: that, too, takes new pages before it frees any.
    pub(super) fn size_for_removing(&self) -> usize {
        let reserve = (self.max_map_size / 16).max(16 * down(STEP));
        self.max_map_size.saturating_add(down(reserve as u64 / STEP * STEP))
    }
}

fn stepped(url: &Url, size: u64) -> Result<usize, Error> {
    let stepped = size.max(1).checked_next_multiple_of(STEP).and_then(|size| usize::try_from(size).ok());
    stepped.ok_or_else(|| Error::config(format!("{size} bytes, as in `{url}`, can't be mapped on this machine")))
}

/// Half of a size of maps, which is one, too.
pub(super) fn half(size: usize) -> usize {
    down(size as u64 / 2 / STEP * STEP)
}

/// Of what is known to fit.
fn down(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<Settings, Error> {
        Settings::of(&Url::parse(url).expect(url), None, None)
    }

    #[test]
    fn sizes_become_whole_pages() {
        let settings = of("lmdb://x?map_size=1&max_map_size=100000").expect("valid");
        assert_eq!((settings.map_size, settings.max_map_size), (65_536, 131_072));
    }

    #[test]
    fn half_a_size_is_a_size() {
        let mut size = of("lmdb://x?map_size=999999GB&max_map_size=1000000GB").expect("valid").map_size;
        while size > 1 << 20 {
            size = half(size);
            assert!(size > 0 && size.is_multiple_of(64 << 10), "{size}");
        }
    }

    #[test]
    fn a_map_can_t_begin_beyond_its_end() {
        let error = of("lmdb://x?map_size=2MiB&max_map_size=1MiB").expect_err("more than the most");
        assert!(error.is_config() && error.to_string().contains("max_map_size"), "{error}");
    }

    #[test]
    fn what_others_must_say_alike() {
        let one = of("lmdb://x").expect("valid");
        let differs = |url: &str| one.contradiction(&of(url).expect("valid"));
        assert_eq!(differs("lmdb://x?sync=full&map_size=1MiB"), None);
        assert_eq!(differs("lmdb://x?sync=off"), Some("sync"));
        assert_eq!(differs("lmdb://x?max_map_size=2GiB"), Some("max_map_size"));
        assert_eq!(differs("lmdb://x?max_readers=8"), Some("max_readers"));
    }
}
