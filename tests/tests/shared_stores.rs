//! Rows 27-29; promises 6, 7: processes that call, set, read and delete the same entries at the same time: every value that is
//! read is whole and belongs to its key, and what nobody deletes is always there.

use std::{path::Path, process::Command};

use memo::{Cache, cache_delete, cache_get, cache_info, cache_set, memoize, overwrite_cache};
use memo_tests::children::{Player, command, part, say, wait_for_line};
use serde::{Deserialize, Serialize};

/// Keys that are set and deleted, and, from `STAYING` on, those that are replaced but never deleted.
const KEYS: u64 = 12;
const STAYING: u64 = 8;
const ROUNDS: u64 = 600;

/// A value that shows whose it is, and whether it is whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    key: u64,
    process: u32,
    round: u64,
    /// Of many lengths: some stores put long values elsewhere.
    filling: Vec<u64>,
}

impl Record {
    fn new(key: u64, round: u64) -> Self {
        let process = std::process::id();
        Self { key, process, round, filling: Self::filling(key, process, round) }
    }

    fn filling(key: u64, process: u32, round: u64) -> Vec<u64> {
        let length = usize::try_from(round * 37 % 1500).expect("small");
        vec![key << 48 ^ u64::from(process) << 16 ^ round; length]
    }

    /// Panics unless it is whole and of this key; was it made by another process?
    fn check(&self, key: u64) -> bool {
        assert_eq!(self.key, key, "it belongs to another key");
        assert!(self.filling == Self::filling(key, self.process, self.round), "it is not whole");
        self.process != std::process::id()
    }
}

/// Numbers that look as if chance had made them.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

macro_rules! stores {
    ($($name:ident $url:literal;)*) => {
        /// Plays the part that a test started this process for.
        #[test]
        fn another_process() {
            let Some((part, arguments)) = part() else { return };
            std::env::set_current_dir(&arguments[0]).expect("it is there");
            let seed = arguments[1].parse().expect("a number");
            match &*part {
                $(stringify!($name) => $name::play(seed),)*
                other => panic!("no part: {other}"),
            }
        }

        $(mod $name {
            use super::*;

            #[memoize(backend = $url, tags = [format!("record:{key}")])]
            fn record(key: u64) -> Record {
                assert!(key < STAYING, "{key} was set, and nobody deletes it");
                Record::new(key, key)
            }

            /// Uses the store for a while; says how many values of other processes it has seen.
            pub(super) fn play(seed: u64) {
                let cache = Cache::<u64, Record>::open("records", $url).expect("opens");
                for key in STAYING..KEYS {
                    cache_set!(record(key), Record::new(key, 0)).expect("sets");
                    cache.set(key, Record::new(key, 0)).expect("sets");
                }
                say("ready");
                wait_for_line();
                let mut chance = Chance(seed);
                let others: u64 = (1..ROUNDS).map(|round| call(round, &mut chance) + operate(&cache, round, &mut chance)).sum();
                assert_eq!(cache_info(record).errors, 0, "no fault was seen, not even one that was made good");
                say(&others.to_string());
            }

            /// Does something with the function; gives how many values were another process's.
            fn call(round: u64, chance: &mut Chance) -> u64 {
                let key = chance.below(KEYS);
                let stays = key >= STAYING;
                match chance.below(8) {
                    0 | 1 => cache_set!(record(key), Record::new(key, round)).expect("sets"),
                    2 if !stays => {
                        overwrite_cache!(record(key)).check(key);
                    }
                    3 if !stays => drop(cache_delete!(record(key)).expect("deletes")),
                    4 if !stays => drop(memo::clear_tag(&format!("record:{key}")).expect("clears")),
                    5 | 6 => {
                        let found = cache_get!(record(key));
                        assert!(found.is_some() || !stays, "{key} was set, and nobody deletes it");
                        return found.map_or(0, |found| found.check(key).into());
                    }
                    _ => return record(key).check(key).into(),
                }
                0
            }

            #[test]
            fn processes_read_whole_values_of_their_keys() {
                share(stringify!($name));
            }
        })*
    };
}

stores! {
    sqlite "sqlite://records.db";
    file_flock "file://flock?locking=flock";
    file_mkdir "file://mkdir?locking=mkdir";
    file_plain "file://plain?format=plain&codec=json+zstd";
    lmdb "lmdb://lmdb?sync=off&map_size=64KiB";
}

/// Does something with the cache object; gives how many values were another process's.
fn operate(cache: &Cache<u64, Record>, round: u64, chance: &mut Chance) -> u64 {
    let (key, other) = (chance.below(KEYS), chance.below(STAYING));
    match chance.below(8) {
        0 => cache.set(key, Record::new(key, round)).expect("sets"),
        1 => cache.set_many([key, other].map(|key| (key, Record::new(key, round)))).expect("sets"),
        2 => drop(cache.delete(&other).expect("deletes")),
        3 => drop(cache.delete_many([&other]).expect("deletes")),
        4 => {
            let taken = cache.take(&other).expect("takes");
            return taken.map_or(0, |taken| taken.check(other).into());
        }
        5 => {
            let keys = [key, other, STAYING];
            let found = cache.get_many(&keys).expect("reads");
            assert!(found[2].is_some(), "{STAYING} was set, and nobody deletes it");
            return keys
                .iter()
                .zip(found)
                .filter_map(|(key, found)| found.map(|found| u64::from(found.check(*key))))
                .sum();
        }
        6 => {
            for (key, record) in cache.iter().expect("enumerates") {
                record.check(key);
            }
        }
        _ => {
            let found = cache.get(&key).expect("reads");
            assert!(found.is_some() || key < STAYING, "{key} was set, and nobody deletes it");
            return found.map_or(0, |found| found.check(key).into());
        }
    }
    0
}

/// Has two processes play a part at the same time in one directory.
fn share(part: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut players = ["1", "2"].map(|seed| start(part, dir.path(), seed));
    for player in &mut players {
        assert_eq!(player.line().as_deref(), Some("ready"));
    }
    players.iter_mut().for_each(Player::tell);
    for player in players {
        let others = ends(player);
        assert!(others > 10, "only {others} values of the other process were seen");
    }
}

/// What a player says in the end, which is a good one.
fn ends(mut player: Player) -> u64 {
    let others = player.line().expect("it found nothing wrong").parse().expect("a number");
    assert!(player.ends_well());
    others
}

fn start(part: &str, dir: &Path, seed: &str) -> Player {
    let dir = dir.to_str().expect("a text");
    let mut command: Command = command(part, &[dir, seed]);
    command.current_dir(dir);
    Player::of(command)
}
