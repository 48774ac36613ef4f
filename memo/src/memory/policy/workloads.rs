//! What workloads may expect of the policies: that they let newcomers in, resist scans and loops,
//! and follow changes.

use super::Kind;
use super::testing::{Cache, Random};

/// The share of hits among `requests`, at a capacity of 1,000.
fn hit_ratio(cache: &mut Cache, requests: impl Iterator<Item = u32>) -> f64 {
    let (mut hits, mut all) = (0, 0);
    for key in requests {
        hits += u32::from(cache.request(key, 1_000));
        all += 1;
    }
    f64::from(hits) / f64::from(all)
}

/// Requests for `keys` keys from `base` on, all equally likely.
fn hot(base: u32, keys: u32, requests: usize) -> impl Iterator<Item = u32> {
    let mut random = Random(u64::from(base) + requests as u64);
    (0..requests).map(move |_| base + random.below(keys))
}

#[test]
fn a_newcomer_always_gets_in() {
    for kind in [Kind::S3Fifo, Kind::Lru, Kind::Lfu, Kind::Fifo] {
        for capacity in [1, 2, 10] {
            let mut cache = Cache::new(kind);
            for key in (0..5_000).map(|i| i * i % 50) {
                cache.request(key, capacity);
                assert!(cache.index.contains_key(&key), "{kind:?}");
                assert!(cache.index.len() <= capacity, "{kind:?}");
            }
        }
    }
}

#[test]
fn a_smaller_bound_is_followed() {
    for kind in [Kind::S3Fifo, Kind::Lru, Kind::Lfu, Kind::Fifo] {
        let mut cache = Cache::new(kind);
        hit_ratio(&mut cache, 0..2_000);
        for key in 2_000..2_500 {
            cache.request(key, 20);
        }
        assert_eq!(cache.index.len(), 20, "{kind:?}");
    }
}

#[test]
fn entries_of_different_weight_are_no_obstacle() {
    let weight = |key: u32| match key % 50 {
        0 => 300,
        rest => 1 + rest % 7,
    };
    let run = |kind| {
        let (mut cache, mut random, mut room, mut hits) = (Cache::new(kind), Random(6), 2_000, 0);
        for _ in 0..100_000 {
            let range = 1 + random.below(4_000);
            let key = random.below(range);
            if cache.index.contains_key(&key) {
                hits += 1;
            }
            while !cache.index.contains_key(&key) && room < weight(key) {
                let before: u32 = cache.index.keys().copied().map(weight).sum();
                cache.evict().expect("an entry");
                room += before - cache.index.keys().copied().map(weight).sum::<u32>();
            }
            if !cache.request(key, usize::MAX) {
                room -= weight(key);
            }
        }
        hits
    };
    let (s3_fifo, lru) = (run(Kind::S3Fifo), run(Kind::Lru));
    assert!(s3_fifo > lru, "{s3_fifo} {lru}");
}

#[test]
fn the_cache_is_used_again_after_most_entries_expired() {
    let mut cache = Cache::new(Kind::S3Fifo);
    hit_ratio(&mut cache, 0..2_000);
    let mut ids: Vec<_> = cache.index.values().copied().collect();
    ids.sort_unstable();
    for &id in &ids[..900] {
        cache.remove(id);
    }
    // What fills the room again stays: a loop that no ghost is remembered through.
    hit_ratio(&mut cache, (0..3_000).map(|i| 10_000 + i % 3_000));
    let ratio = hit_ratio(&mut cache, (0..30_000).map(|i| 10_000 + i % 3_000));
    assert!(ratio > 0.25, "{ratio}");
}

#[test]
fn a_loop_of_any_length_keeps_most_of_the_cache_useful() {
    for length in [1_050, 1_200, 1_500, 1_900, 3_000] {
        let mut cache = Cache::new(Kind::S3Fifo);
        hit_ratio(&mut cache, 0..length);
        let ratio = hit_ratio(&mut cache, (0..100_000).map(|i| i % length));
        assert!(ratio > 0.97 * 1_000.0 / f64::from(length), "{length}: {ratio}");
    }
}

#[test]
fn a_new_hot_set_is_taken_up_whatever_came_before() {
    let mut cache = Cache::new(Kind::S3Fifo);
    let recovers = |cache: &mut Cache, base| {
        hit_ratio(cache, hot(base, 500, 3_000));
        let ratio = hit_ratio(cache, hot(base, 500, 2_000));
        assert!(ratio > 0.95, "{base}: {ratio}");
    };
    // As hot as can be, then a loop, then a scan: each would like to stay.
    hit_ratio(&mut cache, hot(0, 1_000, 100_000));
    recovers(&mut cache, 10_000);
    hit_ratio(&mut cache, (0..100_000).map(|i| 20_000 + i % 1_200));
    recovers(&mut cache, 30_000);
    hit_ratio(&mut cache, 40_000..60_000);
    recovers(&mut cache, 70_000);
}

#[test]
fn recency_is_followed_where_it_counts() {
    // A window of 800 keys that slides on: a least recently used cache would do best.
    let mut random = Random(4);
    let requests: Vec<u32> = (0..100_000).map(|i| i / 10 + random.below(800)).collect();
    let run = |kind| hit_ratio(&mut Cache::new(kind), requests.iter().copied());
    assert!(run(Kind::S3Fifo) > run(Kind::Lru) - 0.01);
}

#[test]
fn a_scan_does_not_displace_what_is_in_use() {
    let mut cache = Cache::new(Kind::S3Fifo);
    hit_ratio(&mut cache, hot(0, 800, 20_000));
    hit_ratio(&mut cache, 10_000..15_000);
    assert!(hit_ratio(&mut cache, 0..800) > 0.9);
}

#[test]
fn the_same_requests_give_the_same_evictions() {
    let run = || {
        let (mut cache, mut random) = (Cache::new(Kind::S3Fifo), Random(5));
        let mut evicted = Vec::new();
        for _ in 0..20_000 {
            let range = 1 + random.below(500);
            let key = random.below(range);
            if cache.index.len() == 100 && !cache.index.contains_key(&key) {
                evicted.extend(cache.evict());
            }
            cache.request(key, 100);
        }
        evicted
    };
    assert_eq!(run(), run());
}
