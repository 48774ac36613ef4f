//! Row 44; promises 1, 2, 4: hooks for the contents of a cache as a whole: what they do, and by whose use.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

use memo::{Autosync, Builder, Cache, Contents, Hooks, SetOptions, clock::TestClock, memoize, register_hooks};
use memo_tests::within_20_s;
use tempfile::{TempDir, tempdir};

type Users = Cache<u64, String>;
type UserHooks = Hooks<u64, String>;

fn a_file() -> (TempDir, PathBuf) {
    let dir = tempdir().expect("a directory");
    let path = dir.path().join("users.snapshot");
    (dir, path)
}

fn users(entries: &[(u64, &str)]) -> Contents<u64, String> {
    entries.iter().map(|(id, name)| (*id, (*name).to_owned())).collect()
}

fn sorted(users: &Users) -> Vec<(u64, String)> {
    let mut all: Vec<_> = users.iter().expect("memory enumerates").collect();
    all.sort();
    all
}

fn named(entries: &[(u64, &str)]) -> Vec<(u64, String)> {
    entries.iter().map(|(id, name)| (*id, (*name).to_owned())).collect()
}

fn build(builder: Builder<u64, String>) -> Users {
    builder.build().expect("memory needs nothing")
}

/// A file with a user.
fn saved(name: &str) -> (TempDir, PathBuf) {
    let (dir, path) = a_file();
    let cache = build(Users::builder("users"));
    cache.set(1, name.to_owned()).expect("sets");
    cache.save_to(&path).expect("saves");
    (dir, path)
}

#[test]
fn contents_come_at_the_first_use_and_once() {
    /// Does not even have a `Serialize`.
    #[derive(Clone, Debug, PartialEq)]
    struct Plain(u8);

    within_20_s(|| {
        let runs = Arc::new(AtomicU32::new(0));
        let counted = runs.clone();
        let load = move || {
            counted.fetch_add(1, SeqCst);
            Ok(Some((0..100).map(|n| (n, Plain(n))).collect()))
        };
        let cache = Cache::builder("plain").hooks(Hooks::new().loader(load)).build().expect("builds");
        assert_eq!((runs.load(SeqCst), cache.stats().size), (0, 0), "nobody has used it");
        let start = Barrier::new(8);
        thread::scope(|scope| {
            for n in 0..8_u8 {
                let (cache, start) = (&cache, &start);
                scope.spawn(move || {
                    start.wait();
                    match n % 4 {
                        0 => assert_eq!(cache.get(&n).expect("loads"), Some(Plain(n))),
                        1 => assert_eq!(cache.len().expect("loads"), 100),
                        2 => assert_eq!(cache.get_many([&n, &200]).expect("loads"), [Some(Plain(n)), None]),
                        _ => assert_eq!(cache.get_or_compute(&n, || Plain(0)).expect("loads"), Plain(n)),
                    }
                });
            }
        });
        assert_eq!((runs.load(SeqCst), cache.stats().size), (1, 100));
    });
}

/// Each operation, being the first, finds what was saved.
#[test]
fn every_operation_is_a_first_use() {
    type Operation = fn(&Users) -> bool;
    let operations: &[(&str, Operation)] = &[
        ("get", |users| users.get(&1).expect("loads").is_some()),
        ("get_or_compute", |users| users.get_or_compute(&1, || "new".to_owned()).expect("loads") == "ada"),
        ("entry", |users| users.entry(&1).expect("loads").is_some()),
        ("contains", |users| users.contains(&1).expect("loads")),
        ("set_with", |users| !users.set_with(1, "new".to_owned(), SetOptions::new().if_absent()).expect("loads")),
        ("delete", |users| users.delete(&1).expect("loads")),
        ("take", |users| users.take(&1).expect("loads").is_some()),
        ("expire_in", |users| users.expire_in(&1, 10).expect("loads")),
        ("persist", |users| users.persist(&1).expect("loads")),
        ("get_many", |users| users.get_many([&1]).expect("loads")[0].is_some()),
        ("set_many_with", |users| {
            let once = SetOptions::new().if_absent();
            users.set_many_with([(1, "new".to_owned(), once)]).expect("loads") == [false]
        }),
        ("delete_many", |users| users.delete_many([&1]).expect("loads") == 1),
        ("len", |users| users.len().expect("loads") == 1),
        ("iter", |users| users.iter().expect("loads").count() == 1),
        ("into_iter", |users| users.into_iter().count() == 1),
        ("retain", |users| users.retain(|_, _| false).expect("loads") == 1),
        ("clear_tag", |users| users.clear_tag("staff").expect("loads") == 1),
        ("save", |users| users.save().expect("loads") == 1),
    ];
    let load = || {
        let mut contents = Contents::new();
        contents.insert_with(1, "ada".to_owned(), SetOptions::new().tag("staff"));
        Ok(Some(contents))
    };
    for (name, operation) in operations {
        let hooks = UserHooks::new().loader(load).saver(|_| Ok(()));
        assert!(operation(&build(Users::builder("users").hooks(hooks))), "{name}");
    }
}

#[test]
fn tasks_have_hooks_run_elsewhere() {
    within_20_s(|| {
        let (dir, path) = saved("ada");
        let here = thread::current().id();
        let builder = Users::builder("users").snapshot(&path).hooks(UserHooks::new().post_processor(move |contents| {
            assert_ne!(thread::current().id(), here, "the executor is not blocked");
            Ok(contents)
        }));
        let cache: memo::aio::Cache<u64, String> = build(builder).into();
        smol::block_on(async {
            let (one, other) = futures::join!(cache.get(&1), cache.len());
            assert_eq!((one.expect("loads").as_deref(), other.expect("loads")), (Some("ada"), 1));
            assert_eq!(cache.restore().await.expect("loads again"), 1);
            assert_eq!(cache.save().await.expect("saves"), 1);
            cache.delete_saved().await.expect("deletes");
        });
        assert!(!path.exists());
        drop(dir);
    });
}

#[test]
fn a_saver_sees_values_times_and_tags() {
    let _clock = TestClock::install();
    let (send, seen) = mpsc::channel();
    let save = move |contents: &Contents<u64, String>| {
        let mut all: Vec<_> = contents
            .iter()
            .map(|(id, entry)| (*id, entry.value().clone(), entry.remaining(), entry.tags().count()))
            .collect();
        all.sort();
        send.send(all).map_err(Into::into)
    };
    let cache = build(Users::builder("users").hooks(UserHooks::new().saver(save)));
    cache.set(1, "ada".to_owned()).expect("sets");
    cache.set_with(2, "bob".to_owned(), SetOptions::new().ttl(60).tag("staff")).expect("sets");
    assert_eq!(cache.save().expect("saves"), 2);
    let minute = Some(Duration::from_mins(1));
    assert_eq!(seen.recv().expect("saved"), [(1, "ada".to_owned(), None, 0), (2, "bob".to_owned(), minute, 1)]);
}

#[test]
fn what_is_loaded_lives_on_the_terms_it_says() {
    let clock = TestClock::install();
    let load = || {
        let mut contents = users(&[(1, "first"), (1, "ada")]);
        contents.insert_with(2, "bob".to_owned(), SetOptions::new().ttl(100));
        contents.insert_with(2, "other".to_owned(), SetOptions::new().if_absent());
        Ok(Some(contents))
    };
    let cache = build(Users::builder("users").ttl(10).hooks(UserHooks::new().loader(load)));
    assert_eq!(sorted(&cache), named(&[(1, "ada"), (2, "bob")]), "the later of one key counts, unless it yields");
    clock.advance(Duration::from_secs(10));
    assert_eq!(sorted(&cache), named(&[(2, "bob")]), "the one had the ttl of the cache, the other its own");
}

#[test]
fn a_builder_is_for_when_there_is_nothing_to_load() {
    let built = || UserHooks::new().builder(|| Ok(users(&[(7, "built")])));
    let (_dir, path) = a_file();
    let cache = build(Users::builder("users").snapshot(&path).hooks(built()));
    assert_eq!(sorted(&cache), named(&[(7, "built")]), "there is no file");
    cache.set(8, "set".to_owned()).expect("sets");
    cache.save().expect("saves");
    let later = build(Users::builder("users").snapshot(&path).hooks(built()));
    assert_eq!(sorted(&later), named(&[(7, "built"), (8, "set")]), "there is one");
    let nothing = build(Users::builder("users").hooks(built().loader(|| Ok(None))));
    assert_eq!(sorted(&nothing), named(&[(7, "built")]));
    let empty = build(Users::builder("users").hooks(built().loader(|| Ok(Some(Contents::new())))));
    assert_eq!(sorted(&empty), [], "nothing was saved, and that was loaded");
}

#[test]
fn a_validator_has_contents_discarded() {
    type Validator = fn(&Contents<u64, String>) -> bool;
    let verdicts: [(Validator, &[(u64, &str)]); 3] =
        [(|_| true, &[(1, "ada")]), (|_| false, &[(7, "built")]), (|_| panic!("a wrong validator"), &[(7, "built")])];
    for (validate, expected) in verdicts {
        let (_dir, path) = saved("ada");
        let before = fs::read(&path).expect("is there");
        let hooks = UserHooks::new().validator(validate);
        let with_builder = hooks.clone().builder(|| Ok(users(&[(7, "built")])));
        let cache = build(Users::builder("users").snapshot(&path).hooks(with_builder));
        assert_eq!(sorted(&cache), named(expected));
        let rest: &[_] = if expected == [(1, "ada")] { expected } else { &[] };
        assert_eq!(sorted(&build(Users::builder("users").snapshot(&path).hooks(hooks))), named(rest));
        assert_eq!(fs::read(&path).expect("is there"), before, "until it is saved anew");
        cache.save().expect("saves");
        let file = build(Users::builder("users"));
        file.restore_from(&path).expect("is whole");
        assert_eq!(sorted(&file), named(expected));
    }
}

#[test]
fn processors_stand_between_memory_and_what_is_saved() {
    let (_dir, path) = a_file();
    let hooks = || {
        UserHooks::new()
            .pre_processor(|mut contents| {
                contents.retain(|id, _| *id != 13);
                contents.values_mut().for_each(|(_, name)| *name = name.to_uppercase());
                contents.insert(99, "ADDED".to_owned());
                contents.insert(99, "TWICE".to_owned());
                Ok(contents)
            })
            .post_processor(|mut contents| {
                contents.values_mut().for_each(|(_, name)| *name = name.to_lowercase());
                Ok(contents)
            })
            .validator(|contents| contents.iter().all(|(_, entry)| entry.value().to_lowercase() == *entry.value()))
    };
    let cache = build(Users::builder("users").snapshot(&path).hooks(hooks()));
    cache.set_many([(1, "ada".to_owned()), (13, "secret".to_owned())]).expect("sets");
    assert_eq!(cache.save().expect("saves"), 2);
    assert_eq!(sorted(&cache), named(&[(1, "ada"), (13, "secret")]), "what is saved is a copy");
    let file = build(Users::builder("users").snapshot(&path));
    assert_eq!(sorted(&file), named(&[(1, "ADA"), (99, "TWICE")]));
    let later = build(Users::builder("users").snapshot(&path).hooks(hooks()));
    assert_eq!(sorted(&later), named(&[(1, "ada"), (99, "twice")]));
}

#[test]
fn what_is_not_persistent_is_read_but_never_written() {
    let (_dir, path) = saved("ada");
    let before = fs::read(&path).expect("is there");
    let cache = build(Users::builder("users").snapshot(&path).persistent(false).autosync(Autosync::after(1, 0)));
    cache.set(2, "bob".to_owned()).expect("sets");
    assert_eq!(cache.len().expect("memory"), 2);
    assert_eq!(cache.save().expect("does nothing"), 0);
    cache.delete_saved().expect("does nothing");
    cache.close().expect("does nothing");
    assert_eq!(fs::read(&path).expect("is there"), before);
    let nowhere = build(Users::builder("users").persistent(false));
    assert_eq!(nowhere.save().expect("does nothing"), 0);
}

#[test]
fn what_was_saved_can_be_deleted() {
    let (_dir, path) = saved("ada");
    let cache = build(Users::builder("users").snapshot(&path));
    assert_eq!(cache.len().expect("memory"), 1);
    for _ in 0..2 {
        cache.delete_saved().expect("deletes, and there is nothing any more");
        assert!(!path.exists());
    }
    assert_eq!(cache.len().expect("memory"), 1, "memory is another thing");
    let (send, deleted) = mpsc::channel();
    let hooks = UserHooks::new().deleter(move || send.send(()).map_err(Into::into));
    build(Users::builder("users").hooks(hooks)).delete_saved().expect("deletes");
    deleted.recv().expect("the hook was run");
    let nowhere = build(Users::builder("users"));
    assert!(nowhere.delete_saved().is_err_and(|error| error.is_config()));
}

#[test]
fn hooks_are_registered_by_name_at_any_time() {
    let cache = build(Users::builder("by-name").hooks(UserHooks::new().builder(|| Ok(users(&[(1, "builder's")])))));
    register_hooks("by-name", UserHooks::new().builder(|| Ok(users(&[(1, "registered")])))).expect("the same types");
    assert_eq!(sorted(&cache), named(&[(1, "registered")]), "after it was built, before it was used");
    let (send, seen) = mpsc::channel();
    let save = move |contents: &Contents<u64, String>| send.send(contents.len()).map_err(Into::into);
    register_hooks("by-name", UserHooks::new().saver(save)).expect("the same types");
    assert_eq!((cache.save().expect("saves"), seen.recv().expect("saved")), (1, 1), "after it was used");
    let later = build(Users::builder("by-name"));
    assert_eq!(sorted(&later), named(&[(1, "registered")]), "before it was built; the other kind stayed");
    register_hooks("by-name", UserHooks::new().builder(|| Ok(users(&[(1, "later")])))).expect("the same types");
    assert_eq!(later.restore().expect("builds"), 1);
    assert_eq!(sorted(&later), named(&[(1, "later")]));
}

#[test]
fn hooks_of_other_types_are_refused() {
    let said = |error: memo::Error| {
        assert!(error.is_config() && error.to_string().contains("`Cache<u64, u8>`"), "{error}");
    };
    let before = build(Users::builder("typed"));
    register_hooks("typed", Hooks::<u64, u8>::new()).expect("the first of the name");
    said(register_hooks("typed", UserHooks::new()).expect_err("others are there"));
    said(Users::builder("typed").build().expect_err("they are not its own"));
    said(before.get(&1).expect_err("they are not its own"));
    said(before.save().expect_err("they are not its own"));
}

#[test]
fn a_cache_with_a_store_has_no_hooks_and_does_not_save_itself() {
    let stored = || Users::builder("stored").backend("memory://no-hooks");
    for builder in [stored().hooks(UserHooks::new().saver(|_| Ok(()))), stored().autosync(Autosync::default())] {
        assert!(builder.build().is_err_and(|error| error.is_unsupported()));
    }
    let cache = build(stored());
    for failed in [cache.save().map(drop), cache.restore().map(drop), cache.delete_saved()] {
        assert!(failed.is_err_and(|error| error.is_unsupported()));
    }
    let never = Users::builder("never").autosync(Autosync::after(0, 10)).build();
    assert!(never.is_err_and(|error| error.is_config() && error.to_string().contains("0 changes")));
}

#[test]
fn a_hook_may_use_its_cache_and_cannot_save_it() {
    within_20_s(|| {
        let handle: Arc<std::sync::OnceLock<Users>> = Arc::default();
        let (inner, saving) = (handle.clone(), handle.clone());
        let hooks = UserHooks::new()
            .builder(move || {
                let cache = inner.get().expect("set before");
                assert_eq!(cache.get(&1)?, None, "it is as far as it got");
                cache.set(2, "by the hook".to_owned())?;
                assert!(cache.save().is_err_and(|error| error.is_unsupported()));
                assert!(cache.restore().is_err_and(|error| error.is_unsupported()));
                Ok(users(&[(1, "built"), (2, "built")]))
            })
            .saver(move |_| {
                let cache = saving.get().expect("set before");
                assert!(cache.save().is_err_and(|error| error.is_unsupported()));
                assert!(cache.delete_saved().is_err_and(|error| error.is_unsupported()));
                cache.set(3, "while it is saved".to_owned())?;
                Ok(())
            });
        let cache = handle.get_or_init(|| build(Users::builder("users").hooks(hooks)));
        assert_eq!(sorted(cache), named(&[(1, "built"), (2, "by the hook")]));
        assert_eq!(cache.save().expect("saves"), 2);
        assert_eq!(cache.len().expect("memory"), 3);
    });
}

/// Each of two caches is brought in by using the other, on two threads at once.
#[test]
fn circles_of_hooks_end() {
    within_20_s(|| {
        static PAIR: std::sync::OnceLock<[Users; 2]> = std::sync::OnceLock::new();
        let both = Arc::new(Barrier::new(2));
        let one = |name: &str, other: usize| {
            let both = both.clone();
            let hooks = UserHooks::new().builder(move || {
                both.wait();
                PAIR.get().expect("set before")[other].get(&1)?;
                Ok(users(&[(1, "built")]))
            });
            build(Users::builder(name).hooks(hooks))
        };
        let pair = PAIR.get_or_init(|| [one("one", 1), one("other", 0)]);
        thread::scope(|scope| {
            for cache in pair {
                scope.spawn(|| assert_eq!(cache.get(&1).expect("comes in").as_deref(), Some("built")));
            }
        });
    });
}

/// A body saves a cache whose saver calls the function that runs the body.
#[test]
fn circles_of_savers_and_functions_end() {
    static CACHE: std::sync::LazyLock<Users> = std::sync::LazyLock::new(|| {
        let save = |_: &Contents<u64, String>| {
            SAVING.wait();
            assert_eq!(body(7), 7);
            Ok(())
        };
        build(Users::builder("circle").hooks(UserHooks::new().saver(save)))
    });
    static SAVING: std::sync::LazyLock<Barrier> = std::sync::LazyLock::new(|| Barrier::new(2));
    static FIRST: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(true);

    #[memoize]
    fn body(n: u32) -> u32 {
        if FIRST.swap(false, SeqCst) {
            SAVING.wait();
            // It waits for the save that runs, or is refused, or saves when that is done: in any case it ends.
            SECOND.store(true, SeqCst);
            CACHE.contains(&1).expect("memory");
            CACHE.delete_saved().expect_err("there is no deleter");
        }
        n
    }
    static SECOND: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

    within_20_s(|| {
        thread::scope(|scope| {
            scope.spawn(|| body(7));
            scope.spawn(|| CACHE.save().expect("saves"));
        });
        assert!(SECOND.load(SeqCst));
    });
}
