//! Row 8; promise 8: bounds hold at every moment, and the policy says who leaves.

use std::{collections::BTreeSet, time::Duration};

use memo::{cache_get, cache_set, clock::TestClock, memoize};
use memo_tests::fresh;

macro_rules! bounded {
    ($($module:ident: $policy:literal;)*) => {$(
        mod $module {
            use super::*;

            #[test]
            fn the_bound_is_exact_and_holds_at_every_moment() {
                #[memoize(max_entries = 100, policy = $policy)]
                fn cached(n: u64) -> u64 {
                    n
                }
                for n in 0..100 {
                    cached(n);
                    assert_eq!(memo::cache_info(cached).size, n + 1);
                }
                for n in 100..2_000 {
                    cached(n);
                    assert_eq!(memo::cache_info(cached).size, 100);
                }
                let info = memo::cache_info(cached);
                assert_eq!((info.evictions, info.stores), (1_900, 2_000));
            }

            #[test]
            fn new_entries_do_get_in() {
                #[memoize(max_entries = 50, policy = $policy)]
                fn cached(n: u64) -> u64 {
                    n
                }
                // All that is there is hot.
                for _ in 0..20 {
                    for n in 0..50 {
                        cached(n);
                    }
                }
                for n in 100..200 {
                    cached(n);
                    assert_eq!(cache_get!(cached(n)), Some(n), "just stored");
                }
                // What is new and hotter stays; the store is not frozen with what was hot once.
                for n in 1_000..1_020 {
                    for _ in 0..200 {
                        cached(n);
                    }
                }
                let misses = memo::cache_info(cached).misses;
                for n in 1_000..1_020 {
                    cached(n);
                }
                assert_eq!(memo::cache_info(cached).misses, misses);
            }

            #[test]
            fn one_entry_is_a_bound_too() {
                #[memoize(max_entries = 1, policy = $policy)]
                fn cached(n: u64) -> u64 {
                    n + fresh()
                }
                let first = cached(1);
                assert_eq!(cached(1), first);
                cached(2);
                assert_eq!(cache_get!(cached(1)), None);
                assert_eq!(memo::cache_info(cached).size, 1);
            }

            #[test]
            fn expired_entries_go_before_living_ones() {
                #[memoize(max_entries = 20, policy = $policy, ttl = |n| Duration::from_secs(if *n < 10 { 1 } else { 1_000 }))]
                fn cached(n: u64) -> u64 {
                    n
                }
                let clock = TestClock::install();
                // The living ones are older, so the policy would take them.
                for n in (0..20).rev() {
                    cached(n);
                }
                clock.advance(Duration::from_secs(1));
                for n in 100..110 {
                    cached(n);
                }
                let info = memo::cache_info(cached);
                assert_eq!((info.size, info.evictions, info.expirations), (20, 0, 10));
                for n in 10..20 {
                    assert_eq!(cache_get!(cached(n)), Some(n));
                }
            }

            #[test]
            fn replacing_an_entry_evicts_nobody() {
                #[memoize(max_entries = 10, policy = $policy)]
                fn cached(n: u64) -> u64 {
                    n
                }
                for n in 0..10 {
                    cached(n);
                }
                for n in 0..10 {
                    cache_set!(cached(n), n + 1).expect("memory");
                }
                let info = memo::cache_info(cached);
                assert_eq!((info.size, info.evictions, info.policy, info.max_entries), (10, 0, Some($policy), Some(10)));
            }

            #[test]
            fn what_left_through_clearing_makes_room() {
                #[memoize(max_entries = 10, policy = $policy)]
                fn cached(n: u64) -> u64 {
                    n
                }
                for n in 0..10 {
                    cached(n);
                }
                assert_eq!(memo::cache_clear(cached).expect("memory").removed(), 10);
                for n in 10..20 {
                    cached(n);
                }
                let info = memo::cache_info(cached);
                assert_eq!((info.size, info.evictions), (10, 0));
            }

            #[test]
            fn weight_is_bounded_exactly() {
                #[memoize(max_weight = 1_000, weigh = |key, value| u64::from(*key) + value.len() as u64, policy = $policy)]
                fn cached(n: u32) -> String {
                    "x".repeat(n as usize)
                }
                let mut left = 0;
                for n in (1..=100).chain(1..=100) {
                    cached(n);
                    let info = memo::cache_info(cached);
                    assert!(info.weight <= 1_000, "{}", info.weight);
                    left = info.evictions;
                }
                assert!(left > 0);
                let present = (1..=100).filter(|n| cache_get!(cached(*n)).is_some());
                assert_eq!(memo::cache_info(cached).weight, present.map(|n| 2 * u64::from(n)).sum::<u64>());
            }
        }
    )*};
}

bounded! {
    s3_fifo: "s3-fifo";
    lru: "lru";
    lfu: "lfu";
    fifo: "fifo";
}

/// Which of the numbers are stored.
macro_rules! stored {
    ($function:ident, $range:expr) => {
        $range.filter(|n| cache_get!($function(*n)).is_some()).collect::<BTreeSet<u64>>()
    };
}

#[test]
fn lru_evicts_what_was_used_longest_ago() {
    #[memoize(max_entries = 3, policy = "lru")]
    fn cached(n: u64) -> u64 {
        n
    }
    for n in [1, 2, 3, 1] {
        cached(n);
    }
    cached(4);
    assert_eq!(stored!(cached, 1..=4), BTreeSet::from([1, 3, 4]));
    cached(3);
    cached(5);
    assert_eq!(stored!(cached, 1..=5), BTreeSet::from([3, 4, 5]));
}

#[test]
fn looking_is_no_use_to_lru() {
    #[memoize(max_entries = 2, policy = "lru")]
    fn cached(n: u64) -> u64 {
        n
    }
    for n in [1, 2] {
        cached(n);
    }
    assert_eq!(cache_get!(cached(2)), Some(2));
    cached(1);
    cached(3);
    assert_eq!(stored!(cached, 1..=3), BTreeSet::from([1, 3]));
}

#[test]
fn lru_is_exact_for_hot_keys() {
    #[memoize(max_entries = 10, policy = "lru")]
    fn cached(n: u64) -> u64 {
        n
    }
    for n in 0..1_000 {
        cached(7_777);
        cached(n);
    }
    assert_eq!(cache_get!(cached(7_777)), Some(7_777));
    assert_eq!(memo::cache_info(cached).hits, 999);
    assert_eq!(stored!(cached, 0..1_000), (991..1_000).collect());
}

#[test]
fn lfu_evicts_what_was_used_least() {
    #[memoize(max_entries = 3, policy = "lfu")]
    fn cached(n: u64) -> u64 {
        n
    }
    for n in [1, 2, 3, 1, 1, 2, 2, 3] {
        cached(n);
    }
    cached(4);
    assert_eq!(stored!(cached, 1..=4), BTreeSet::from([1, 2, 4]));
    cached(5);
    assert_eq!(stored!(cached, 1..=5), BTreeSet::from([1, 2, 5]));
}

#[test]
fn fifo_evicts_what_was_stored_first_however_hot_it_is() {
    #[memoize(max_entries = 3, policy = "fifo")]
    fn cached(n: u64) -> u64 {
        n
    }
    for n in [1, 2, 3, 1, 1, 1] {
        cached(n);
    }
    cached(4);
    assert_eq!(stored!(cached, 1..=4), BTreeSet::from([2, 3, 4]));
    cached(5);
    assert_eq!(stored!(cached, 1..=5), BTreeSet::from([3, 4, 5]));
}

#[test]
fn s3_fifo_keeps_what_is_hot_through_a_scan() {
    #[memoize(max_entries = 100)]
    fn cached(n: u64) -> u64 {
        n
    }
    assert_eq!(memo::cache_info(cached).policy, Some("s3-fifo"), "the default");
    for _ in 0..10 {
        for n in 0..50 {
            cached(n);
        }
    }
    for n in 1_000..2_000 {
        cached(n);
    }
    assert!(stored!(cached, 0..50).len() > 40);
}

#[test]
fn what_weighs_more_than_the_bound_is_returned_but_not_stored() {
    #[memoize(max_weight = 10, weigh = |_key, value| value.len() as u64)]
    fn cached(n: usize) -> String {
        "x".repeat(n)
    }
    cached(4);
    assert_eq!(cached(11).len(), 11);
    assert_eq!(cache_get!(cached(11)), None);
    assert_eq!(cache_get!(cached(4)).map(|text| text.len()), Some(4), "nobody left for it");
    assert_eq!(cached(10).len(), 10);
    assert_eq!(cache_get!(cached(10)).map(|text| text.len()), Some(10));
}

#[test]
fn both_bounds_hold_together() {
    #[memoize(max_entries = 5, max_weight = 100, weigh = |_key, value| *value)]
    fn cached(n: u64) -> u64 {
        n
    }
    for n in [1, 2, 3, 4, 5, 6, 7] {
        cached(n);
    }
    assert_eq!(memo::cache_info(cached).size, 5);
    for n in [60, 61, 62] {
        cached(n);
        assert!(memo::cache_info(cached).weight <= 100);
    }
    let info = memo::cache_info(cached);
    assert_eq!((info.max_entries, info.max_weight), (Some(5), Some(100)));
}

#[test]
fn a_replaced_value_changes_the_weight() {
    #[memoize(max_weight = 100, weigh = |_key, value| value.len() as u64)]
    fn cached(n: u8) -> String {
        "x".repeat(usize::from(n))
    }
    cached(10);
    cached(20);
    cache_set!(cached(10), "x".repeat(70)).expect("memory");
    assert_eq!(memo::cache_info(cached).weight, 90);
    cache_set!(cached(10), "x".repeat(95)).expect("memory");
    assert_eq!(memo::cache_info(cached).weight, 95);
    assert_eq!(cache_get!(cached(20)), None);
}

#[test]
fn each_instantiation_has_the_bound_for_itself() {
    #[memoize(max_entries = LIMIT)]
    fn cached<T>(n: u64) -> u64 {
        n
    }
    const LIMIT: u64 = 2 + 1;
    for n in 0..10 {
        let _ = (cached::<u8>(n), cached::<u16>(n));
    }
    let info = memo::cache_info(cached::<u8>);
    assert_eq!((info.size, info.max_entries), (6, Some(3)));
}

#[test]
fn the_bound_holds_while_threads_write() {
    #[memoize(max_entries = 64)]
    fn cached(n: u64) -> u64 {
        n
    }
    std::thread::scope(|scope| {
        for start in 0..4 {
            scope.spawn(move || {
                for n in 0..20_000 {
                    cached(start * 1_000 + n % 5_000);
                }
            });
        }
        for _ in 0..1_000 {
            assert!(memo::cache_info(cached).size <= 64);
        }
    });
    assert_eq!(memo::cache_info(cached).size, 64);
}
