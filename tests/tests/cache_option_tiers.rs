//! Rows 20, 33: what the tiers of an object count for a function whose entries live in it. Alone in its process: whoever skips a
//! call beside it has others ask the stores once more, and whoever looks at all objects holds this one for a moment.

use memo::{Cache, cache_info, memoize};

/// A cache in memory, and in a store that others of this name share.
fn over(name: &str) -> Cache<u64, u64> {
    let urls = ["memory".to_owned(), format!("memory://{name}")];
    Cache::builder(name).backends(urls).build().expect("memory")
}

#[test]
fn a_tier_of_the_object_counts_for_it_alone() {
    #[memoize(cache = cache)]
    fn number(cache: &Cache<u64, u64>, n: u64) -> u64 {
        n
    }
    let cache = over("counted-guests");
    assert_eq!((number(&cache, 1), number(&cache, 1), cache.get(&1).expect("memory")), (1, 1, Some(1)));
    let (info, stats) = (cache_info(number), cache.stats());
    assert_eq!(info.tiers, stats.tiers);
    let names: Vec<_> = info.tiers.iter().map(|tier| (&*tier.name, tier.hits, tier.misses, tier.size)).collect();
    assert_eq!(names, [("memory", 2, 1, Some(1)), ("memory", 0, 1, Some(1))]);
    assert_eq!((info.hits, stats.hits, info.size), (1, 2, 1));
    memo::reset_stats(number).expect("memoized");
    drop(cache);
    assert_eq!((cache_info(number).size, cache_info(number).tiers.len()), (0, 0), "the object is gone");
}
