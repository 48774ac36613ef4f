//! What a cache did: numbers of one function, of its instantiations, of all functions, and of one call.

use std::thread;

use memo::{Explanation, explain_cache, memoize, overwrite_cache, skip_cache};

/// Steps until the Collatz sequence of `n` reaches 1.
#[memoize(max_entries = 3_000)]
fn steps(n: u64) -> u32 {
    match n {
        0 | 1 => 0,
        _ if n.is_multiple_of(2) => 1 + steps(n / 2),
        _ => 1 + steps(3 * n + 1),
    }
}

#[memoize(name = "repeat a value")]
fn repeated<T: Clone + std::hash::Hash + Eq + Send + Sync + 'static>(value: T, count: usize) -> Vec<T> {
    vec![value; count]
}

#[memoize]
fn never_called(n: u64) -> u64 {
    n
}

fn main() {
    // Numbers of all threads are summed.
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (1..2_000).map(steps).max());
        }
    });
    let info = memo::cache_info(steps);
    println!("{} calls, {} hits, {} misses", info.calls(), info.hits, info.misses);
    println!("{:.1} % hits", 100.0 * info.hit_rate());
    println!(
        "{} entries of at most {:?}, {} evicted by {:?}",
        info.size, info.max_entries, info.evictions, info.policy
    );
    assert_eq!(info.calls(), info.hits + info.misses);
    assert!(info.size <= 3_000);

    // What only looks, or goes past the cache, counts neither as hit nor as miss.
    memo::reset_stats(steps).expect("`steps` is memoized");
    skip_cache!(steps(1));
    overwrite_cache!(steps(1));
    let info = memo::cache_info(steps);
    assert_eq!((info.hits, info.misses, info.skipped), (0, 1, 1));

    // Why would this call hit or miss?
    println!("\nsteps(1): {}", explain_cache!(steps(1)));
    println!("steps(77777): {}", explain_cache!(steps(77_777)));
    assert!(explain_cache!(steps(1)).is_hit());
    assert_eq!(explain_cache!(steps(77_777)), Explanation::Absent);

    // A generic function: the sum, and each of its instantiations. It can also be named by text.
    repeated(1_u8, 3);
    repeated("x".to_owned(), 2);
    repeated("x".to_owned(), 2);
    let info = memo::info_of("repeat a value").expect("a name given in an attribute");
    assert_eq!((info.hits, info.misses), (1, 2));
    for each in info.instantiations() {
        println!("{}: {} hits, {} misses", each.name, each.info.hits, each.info.misses);
    }

    // Every memoized function of the program, called or not; what is not memoized is none of them.
    assert!(memo::functions().iter().any(|function| function.name.ends_with("never_called")));
    assert_eq!(memo::cache_info(never_called).calls(), 0);
    assert!(memo::try_cache_info(main).is_none());

    // The same as a table; those that save the most time come first.
    println!("\n{}", memo::report());
}
