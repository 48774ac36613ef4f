//! Row 45: a cache that saves itself: after which changes, when, and what is left at its end. Time is the test clock's, which
//! also has the tests run one after the other: `flush` reaches everything.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc::{self, Receiver},
    },
    thread,
    time::Duration,
};

use memo::{Autosync, Cache, Contents, Hooks, SetOptions, clock::TestClock};
use memo_tests::within_20_s;
use tempfile::tempdir;

type Numbers = Cache<u64, u64>;

const NONE: [usize; 0] = [];

/// A cache, and the number of entries at each of its saves.
fn saving(name: &str, when: Autosync) -> (Numbers, Receiver<usize>) {
    let (send, saves) = mpsc::channel();
    let save = move |contents: &Contents<u64, u64>| send.send(contents.len()).map_err(Into::into);
    (with_saver(name, when, save), saves)
}

fn with_saver<F>(name: &str, when: Autosync, save: F) -> Numbers
where
    F: Fn(&Contents<u64, u64>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + Send + Sync + 'static,
{
    Numbers::builder(name).hooks(Hooks::new().saver(save)).autosync(when).build().expect("builds")
}

fn set(cache: &Numbers, numbers: std::ops::Range<u64>) {
    cache.set_many(numbers.map(|n| (n, n))).expect("memory");
}

fn pass(clock: &TestClock, seconds: u64) {
    clock.advance(Duration::from_secs(seconds));
}

/// The next save, made in the background.
fn next(saves: &Receiver<usize>) -> usize {
    saves.recv_timeout(Duration::from_secs(20)).expect("it saves itself")
}

/// Has whatever is due done: another cache is saved now, and it is due last.
fn settle() {
    let (cache, saves) = saving("settle", Autosync::after(1, 0));
    set(&cache, 0..1);
    next(&saves);
}

/// The saves there were, the last one at the end among them.
fn all(cache: Numbers, saves: &Receiver<usize>) -> Vec<usize> {
    drop(cache);
    saves.try_iter().collect()
}

#[test]
fn one_change_is_saved_after_900_s() {
    let clock = TestClock::install();
    let (cache, saves) = saving("one", Autosync::default());
    set(&cache, 0..1);
    pass(&clock, 899);
    settle();
    set(&cache, 1..2);
    pass(&clock, 1);
    assert_eq!(next(&saves), 2, "not before");
    assert_eq!(all(cache, &saves), NONE, "nothing was left");
}

#[test]
fn ten_changes_are_saved_after_300_s() {
    let clock = TestClock::install();
    let (cache, saves) = saving("ten", Autosync::default());
    set(&cache, 0..9);
    pass(&clock, 300);
    settle();
    set(&cache, 9..10);
    assert_eq!(next(&saves), 10, "nine were too few, and with the tenth it was due");
    set(&cache, 10..30);
    pass(&clock, 299);
    settle();
    set(&cache, 30..31);
    pass(&clock, 1);
    assert_eq!(next(&saves), 31, "counted from the last save");
    assert_eq!(all(cache, &saves), NONE);
}

#[test]
fn ten_thousand_changes_are_saved_after_60_s() {
    let clock = TestClock::install();
    let (cache, saves) = saving("many", Autosync::default());
    set(&cache, 0..9_999);
    pass(&clock, 60);
    settle();
    set(&cache, 9_999..10_000);
    assert_eq!(next(&saves), 10_000);
    set(&cache, 10_000..25_000);
    pass(&clock, 59);
    settle();
    set(&cache, 25_000..25_001);
    pass(&clock, 1);
    assert_eq!(next(&saves), 25_001);
    assert_eq!(all(cache, &saves), NONE);
}

#[test]
fn a_change_after_a_long_idle_time_is_saved_at_once() {
    let clock = TestClock::install();
    let (cache, saves) = saving("idle", Autosync::default());
    for n in 0..3 {
        pass(&clock, 100_000);
        settle();
        set(&cache, n..n + 1);
        assert_eq!(next(&saves) as u64, n + 1);
    }
    assert_eq!(all(cache, &saves), NONE);
}

#[test]
fn thresholds_are_settable() {
    let clock = TestClock::install();
    let (cache, saves) = saving("set", Autosync::after(3, 10).or_after(5, Duration::ZERO));
    set(&cache, 0..5);
    assert_eq!(next(&saves), 5);
    set(&cache, 5..7);
    pass(&clock, 1_000);
    settle();
    set(&cache, 7..8);
    assert_eq!(next(&saves), 8, "two changes are below every threshold");
    set(&cache, 8..9);
    assert_eq!(all(cache, &saves), [9], "what is left");
}

#[test]
fn everything_that_changes_entries_is_a_change() {
    type Change = fn(&Numbers);
    let _alone = TestClock::install();
    let changes: &[(&str, Change)] = &[
        ("set", |cache| cache.set(1, 2).expect("memory")),
        ("set, expired at once", |cache| {
            cache.set_with(1, 2, SetOptions::new().ttl(0)).expect("memory");
        }),
        ("get_or_compute", |cache| assert_eq!(cache.get_or_compute(&7, || 7).expect("memory"), 7)),
        ("delete", |cache| assert!(cache.delete(&1).expect("memory"))),
        ("take", |cache| assert_eq!(cache.take(&1).expect("memory"), Some(1))),
        ("expire_in", |cache| assert!(cache.expire_in(&1, 60).expect("memory"))),
        ("persist", |cache| assert!(cache.persist(&1).expect("memory"))),
        ("delete_many", |cache| assert_eq!(cache.delete_many([&1]).expect("memory"), 1)),
        ("retain", |cache| assert_eq!(cache.retain(|n, _| *n != 1).expect("memory"), 1)),
        ("clear_tag", |cache| assert_eq!(cache.clear_tag("tag").expect("memory"), 1)),
        ("clear", |cache| assert_eq!(cache.clear().expect("memory"), 2)),
        ("memo::clear_tag", |_| _ = memo::clear_tag("tag").expect("memory")),
        ("extend", |cache| cache.clone().extend([(1, 1)])),
    ];
    for (name, change) in changes {
        let (cache, saves) = saving(name, Autosync::after(1, None::<u64>));
        cache.set_with(1, 1, SetOptions::new().tag("tag")).expect("memory");
        cache.set(2, 2).expect("memory");
        cache.save().expect("saves");
        change(&cache);
        assert_eq!(all(cache, &saves).len(), 2, "{name}");
    }
}

#[test]
fn what_changes_no_entry_is_no_change() {
    let clock = TestClock::install();
    let dir = tempdir().expect("a directory");
    let path = dir.path().join("numbers.snapshot");
    let build = || {
        let builder = Numbers::builder("unchanged").snapshot(&path).autosync(Autosync::after(1, None::<u64>));
        builder.build().expect("builds")
    };
    let first = build();
    first.set_with(1, 1, SetOptions::new().ttl(60)).expect("memory");
    set(&first, 2..10);
    first.close().expect("saves");
    let saved = || fs::metadata(&path).expect("was saved").modified().expect("has a time");
    let before = saved();

    let cache = build();
    assert_eq!(cache.len().expect("memory"), 9, "it comes in");
    cache.restore().expect("comes in again");
    cache.get(&1).expect("memory");
    assert!(!cache.delete(&100).expect("memory"));
    assert!(!cache.expire_in(&100, 1).expect("memory"));
    assert!(!cache.set_with(2, 7, SetOptions::new().if_absent()).expect("memory"));
    cache.get_or_compute(&2, || 7).expect("memory");
    pass(&clock, 60);
    cache.purge_expired().expect("memory");
    drop(cache);
    assert_eq!(saved(), before);
    build().set(100, 100).expect("memory");
    assert_ne!(saved(), before);
}

#[test]
fn what_is_built_is_saved() {
    let _alone = TestClock::install();
    let (send, saves) = mpsc::channel();
    let hooks = Hooks::new()
        .builder(|| Ok((0..5_u64).map(|n| (n, n)).collect()))
        .saver(move |contents: &Contents<u64, u64>| send.send(contents.len()).map_err(Into::into));
    let build = || Numbers::builder("built").hooks(hooks.clone()).autosync(Autosync::after(100, 0)).build();
    drop(build().expect("builds"));
    assert!(saves.try_recv().is_err(), "nobody has used it");
    build().expect("builds").len().expect("memory");
    assert_eq!(saves.try_iter().collect::<Vec<_>>(), [5]);
}

#[test]
fn what_is_unsaved_is_saved_at_the_end_and_once() {
    let _alone = TestClock::install();
    let never = || Autosync::after(1, None::<u64>);
    let (cache, saves) = saving("dropped", never());
    let clone = cache.clone();
    set(&cache, 0..1);
    drop(cache);
    assert!(saves.try_recv().is_err(), "a clone lives");
    assert_eq!(all(clone, &saves), [1]);

    let (cache, saves) = saving("closed", never());
    set(&cache, 0..1);
    let clone = cache.clone();
    cache.close().expect("saves");
    assert_eq!(saves.try_iter().collect::<Vec<_>>(), [1]);
    set(&clone, 1..2);
    smol::block_on(memo::aio::Cache::from(clone.clone()).close()).expect("saves");
    assert_eq!(saves.try_iter().collect::<Vec<_>>(), [2]);
    assert_eq!(all(clone, &saves), NONE);

    let (cache, saves) = saving("flushed", never());
    set(&cache, 0..1);
    memo::flush().expect("saves");
    memo::flush().expect("has nothing to save");
    assert_eq!(saves.try_iter().collect::<Vec<_>>(), [1]);
    set(&cache, 1..2);
    smol::block_on(memo::aio::flush()).expect("saves");
    assert_eq!(all(cache, &saves), [2]);

    let without = Numbers::builder("without").build().expect("builds");
    set(&without, 0..1);
    without.close().expect("has nowhere to be saved, and need not be");
}

#[test]
fn a_save_that_fails_is_tried_again_later() {
    let clock = TestClock::install();
    let is_down = Arc::new(AtomicBool::new(true));
    let (down, panics) = (is_down.clone(), AtomicBool::new(false));
    let (send, saves) = mpsc::channel();
    let cache = with_saver("failing", Autosync::after(1, 60), move |contents| {
        send.send(contents.len())?;
        match down.load(SeqCst) {
            true if panics.fetch_xor(true, SeqCst) => panic!("down"),
            true => Err("down".into()),
            false => Ok(()),
        }
    });
    pass(&clock, 60);
    set(&cache, 0..1);
    assert_eq!(next(&saves), 1);
    // The next try is planned when the one before has ended, which nobody can see: time passes until it is due.
    let tries = || saves.recv_timeout(Duration::from_millis(10)).is_ok();
    for _ in 0..2 {
        let is_tried = (0..2000).any(|_| {
            pass(&clock, 60);
            tries()
        });
        assert!(is_tried, "it gave up");
    }
    assert!(cache.clone().close().is_err_and(|error| error.is_hook()));
    assert!(memo::flush().is_err_and(|error| error.is_hook() && error.to_string().contains("failing")));
    assert!(cache.stats().errors >= 4, "{:?}", cache.stats());
    is_down.store(false, SeqCst);
    cache.clone().close().expect("now it is saved");
    saves.try_iter().for_each(drop);
    assert_eq!(all(cache, &saves), NONE, "nothing is left");
}

#[test]
fn a_change_during_a_save_is_saved_by_the_next() {
    let clock = TestClock::install();
    let (send, saves) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let goes = Mutex::new(goes);
    let cache = with_saver("during", Autosync::after(1, 60), move |contents| {
        send.send(contents.len())?;
        if contents.len() == 1 { goes.lock().expect("no panic").recv().map_err(Into::into) } else { Ok(()) }
    });
    set(&cache, 0..1);
    pass(&clock, 60);
    assert_eq!(next(&saves), 1);
    set(&cache, 1..2);
    // It waits for the one that runs.
    let closing = thread::spawn({
        let cache = cache.clone();
        move || cache.close()
    });
    go.send(()).expect("it waits");
    assert_eq!(next(&saves), 2);
    closing.join().expect("no panic").expect("saves");
    assert_eq!(all(cache, &saves), NONE);
}

#[test]
fn a_cache_that_has_nowhere_to_be_saved_says_so() {
    let _alone = TestClock::install();
    let cache =
        Numbers::builder("nowhere").autosync(Autosync::default()).build().expect("a saver may be registered yet");
    cache.set(1, 1).expect("memory");
    assert!(cache.close().is_err_and(|error| error.is_config()));
}

#[test]
fn an_object_of_tasks_is_saved_in_the_background_when_it_is_dropped() {
    within_20_s(|| {
        let _clock = TestClock::install();
        let ((begun, begins), (go, gone)) = (mpsc::channel(), mpsc::channel::<()>());
        let (gone, is_saved) = (Mutex::new(gone), Arc::new(AtomicBool::new(false)));
        let done = is_saved.clone();
        let cache = with_saver("dropped in a task", Autosync::default(), move |_| {
            begun.send(())?;
            gone.lock().expect("no panic").recv()?;
            done.store(true, SeqCst);
            Ok(())
        });
        let cache = memo::aio::Cache::from(cache);
        smol::block_on(async move {
            cache.set(1, 1).await.expect("memory");
            drop(cache);
        });
        begins.recv().expect("it saves itself");
        assert!(!is_saved.load(SeqCst));
        thread::spawn(move || go.send(()));
        memo::flush().expect("saves");
        assert!(is_saved.load(SeqCst), "who flushes waits for it");
    });
}

#[test]
fn a_cache_that_is_dropped_with_its_alarm_set_is_gone() {
    let clock = TestClock::install();
    let (cache, saves) = saving("gone", Autosync::default());
    set(&cache, 0..1);
    assert_eq!(all(cache, &saves), [1]);
    pass(&clock, 900);
    settle();
    assert!(saves.recv().is_err(), "the hook is gone with the cache");
}
