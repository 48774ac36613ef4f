//! Rows 1, 34; promises 5, 6: instantiations never share entries of a store, also where its names can't tell them apart.

use std::sync::{LazyLock, Mutex};

use memo::{cache_delete, cache_get, cache_set, memoize};
use memo_tests::fresh;

/// What the error hook was told: it is one for all tests here.
static TOLD: LazyLock<Mutex<Vec<(String, String)>>> = LazyLock::new(|| {
    memo::backend::on_error(|function, error| {
        assert!(error.is_unsupported(), "{error}");
        TOLD.lock().expect("no panic").push((function.to_owned(), error.to_string()));
    });
    Mutex::default()
});

/// What was told of a function of this name.
fn told_of(name: &str) -> Vec<String> {
    let told = TOLD.lock().expect("no panic");
    let ours = told.iter().filter(|(function, _)| function.rsplit("::").next() == Some(name));
    ours.map(|(_, error)| error.clone()).collect()
}

fn listen() {
    LazyLock::force(&TOLD);
}

fn errors(name: &str) -> u64 {
    memo::info_of(&format!("generics_stored::{name}")).expect("it is linked").errors
}

fn plus(n: u8) -> u8 {
    n + 1
}

fn minus(n: u8) -> u8 {
    n - 1
}

#[memoize(backend = "memory://closures", exclude(call))]
fn called<F: Fn(u8) -> u8>(n: u8, call: F) -> u64 {
    u64::from(call(n)) + fresh()
}

#[test]
fn closures_of_one_function_have_no_entries_in_stores() {
    listen();
    let (twice, thrice) = (|n: u8| n * 2, |n: u8| n * 3);
    let first = called(1, twice);
    for other in [called(1, thrice), called(1, twice), called(2, twice)] {
        assert_ne!(other, first, "the body runs");
    }
    let told = told_of("called");
    assert_eq!(told.len(), 2, "once for each: {told:?}");
    assert!(told.iter().all(|error| error.contains("called<") && error.contains("pass a `fn`")), "{told:?}");
    assert_eq!(errors("called"), 2);
    let store = memo::backend("memory://closures").expect("it is open");
    assert_eq!(
        store.count(b"generics_stored::called|generics_stored::called<generics_stored::closures").expect("counts"),
        0
    );
}

#[test]
fn functions_as_arguments_have_entries_of_their_own() {
    let first = called(1, plus);
    assert_eq!(called(1, plus), first);
    let other = called(1, minus);
    assert_ne!(other, first);
    assert_eq!((called(1, plus), called(1, minus)), (first, other));
    let pointer = called(1, plus as fn(u8) -> u8);
    assert_eq!(called(1, minus as fn(u8) -> u8), pointer, "the pointer is not in the key");
}

#[memoize(backend = ["memory", "memory://behind-closures"], exclude(call), ttl = 60)]
fn remembered<F: Fn(u8) -> u8>(n: u8, call: F) -> u64 {
    u64::from(call(n)) + fresh()
}

/// The entry of a closure, by a name for its type.
fn get<F: Fn(u8) -> u8>(n: u8, call: F) -> Option<u64> {
    cache_get!(remembered::<F>(n, call))
}

/// It is changed and deleted.
fn change<F: Fn(u8) -> u8 + Copy>(call: F) {
    cache_set!(remembered::<F>(1, call), 7).expect("memory takes it");
    assert_eq!(remembered(1, call), 7);
    assert!(cache_delete!(remembered::<F>(1, call)).expect("memory is reachable"));
    assert_ne!(remembered(1, call), 7);
}

#[test]
fn memory_in_front_still_keeps_what_closures_give() {
    listen();
    let (twice, thrice) = (|n: u8| n * 2, |n: u8| n * 3);
    assert_eq!(get(1, twice), None);
    let first = remembered(1, twice);
    assert_eq!((remembered(1, twice), get(1, twice)), (first, Some(first)));
    assert_ne!(remembered(1, thrice), first);
    assert_eq!(get(1, thrice), Some(remembered(1, thrice)));
    assert_eq!((told_of("remembered").len(), errors("remembered")), (2, 2));
    let store = memo::backend("memory://behind-closures").expect("opens");
    assert_eq!(store.count(b"").expect("counts"), 0);
    change(twice);
    memo::cache_clear(remembered::<fn(u8) -> u8>).expect("memory is reachable");
    assert_eq!((get(1, twice), get(1, thrice)), (None, None));
}

/// Without memory there is no place that `cache_set!` could mean.
#[test]
fn what_has_no_place_can_not_be_set() {
    #[memoize(backend = "memory://no-place", exclude(call))]
    fn placeless<F: Fn(u8) -> u8>(n: u8, call: F) -> u64 {
        u64::from(call(n))
    }
    fn set<F: Fn(u8) -> u8 + Copy>(call: F) {
        let error = cache_set!(placeless::<F>(1, call), 7).expect_err("there is no store for it");
        assert!(error.is_unsupported(), "{error}");
        assert_eq!(cache_get!(placeless::<F>(1, call)), None);
        assert!(!cache_delete!(placeless::<F>(1, call)).expect("nothing was there"));
        assert_eq!(placeless(1, call), 2);
    }
    listen();
    set(|n| n * 2);
    assert_eq!(told_of("placeless").len(), 1);
}

#[memoize(backend = ["memory", "memory://two-of-one-name"])]
fn sized<T>(n: u8) -> (u64, usize) {
    (u64::from(n) + fresh(), size_of::<T>())
}

#[test]
fn the_second_of_two_types_of_one_name_has_no_entries_in_stores() {
    listen();
    let one = {
        struct Row(#[expect(dead_code, reason = "for its size")] u8);
        [sized::<Row>(1), sized::<Row>(1)]
    };
    let two = {
        struct Row(#[expect(dead_code, reason = "for its size")] u32);
        [sized::<Row>(1), sized::<Row>(1)]
    };
    assert_eq!((one[0], two[0]), (one[1], two[1]), "both are remembered");
    assert_eq!((one[0].1, two[0].1), (1, 4));
    let told = told_of("sized");
    assert!(told.len() == 1 && told[0].contains("two of this name"), "{told:?}");
    let store = memo::backend("memory://two-of-one-name").expect("it is open");
    assert_eq!(store.count(b"").expect("counts"), 1);
}

#[tokio::test]
async fn the_same_in_tasks() {
    #[memoize(backend = ["memory", "memory://tasks-of-closures"], exclude(call))]
    async fn awaited<F: Fn(u8) -> u8>(n: u8, call: F) -> u64 {
        u64::from(call(n)) + fresh()
    }
    listen();
    let (twice, thrice) = (|n: u8| n * 2, |n: u8| n * 3);
    let first = awaited(1, twice).await;
    assert_eq!(awaited(1, twice).await, first);
    assert_ne!(awaited(1, thrice).await, first);
    assert_eq!(told_of("awaited").len(), 2);
}

#[tokio::test]
async fn types_that_are_declared_in_tasks_have_names_of_their_own() {
    #[memoize(backend = "memory://types-of-tasks")]
    async fn typed<T>(n: u8) -> u64 {
        u64::from(n) + fresh()
    }
    struct Row;
    listen();
    assert_eq!(typed::<Row>(1).await, typed::<Row>(1).await);
    assert_eq!(told_of("typed").len(), 0);
}
