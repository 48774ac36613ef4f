//! Row 44; promises 3, 4, 7.7: a hook that fails, panics or comes too late loses nothing that was saved, poisons nothing, and
//! brings nothing back that was cleared.

use std::{
    error::Error as _,
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

use memo::{Builder, Cache, Contents, Error, Hooks, SetOptions};
use memo_tests::within_20_s;
use tempfile::{TempDir, tempdir};

type Users = Cache<u64, String>;
type UserHooks = Hooks<u64, String>;
type Clear = fn(&Users);

fn build(builder: Builder<u64, String>) -> Users {
    builder.build().expect("memory needs nothing")
}

fn contents(name: &str) -> Contents<u64, String> {
    [(1, name.to_owned())].into_iter().collect()
}

/// With a tag of the test's own: clearing one reaches the caches of all tests.
fn tagged(tag: &str) -> Contents<u64, String> {
    let mut contents = Contents::new();
    contents.insert_with(1, "tagged".to_owned(), SetOptions::new().tag(tag));
    contents
}

/// A file with a user.
fn saved(name: &str) -> (TempDir, PathBuf) {
    let dir = tempdir().expect("a directory");
    let path = dir.path().join("users.snapshot");
    let cache = build(Users::builder("users"));
    cache.set(1, name.to_owned()).expect("sets");
    cache.save_to(&path).expect("saves");
    (dir, path)
}

/// What was reported of a cache.
fn reported(cache: &str) -> Vec<String> {
    static REPORTS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        memo::backend::on_error(|name, error| {
            REPORTS.lock().expect("no panic").push((name.to_owned(), error.to_string()));
        });
    });
    let reports = REPORTS.lock().expect("no panic");
    reports.iter().filter(|(name, _)| name == cache).map(|(_, error)| error.clone()).collect()
}

/// Fails in one way, then in another, then no more.
fn fails_twice() -> impl Fn() -> Result<(), Box<dyn std::error::Error + Send + Sync>> + Clone {
    let times = Arc::new(Mutex::new(0));
    move || {
        let mut times = times.lock().expect("no panic while it is held");
        *times += 1;
        let time = *times;
        drop(times);
        match time {
            1 => Err("no disk".into()),
            2 => panic!("no {}", "memory"),
            _ => Ok(()),
        }
    }
}

fn says(error: &Error, hook: &str, what: &str) {
    let text = error.to_string();
    assert!(error.is_hook() && text.contains(hook) && text.contains(what), "{text}");
}

#[test]
fn what_does_not_come_in_is_an_error_until_it_does() {
    let fails = fails_twice;
    let hooks: [(&str, UserHooks); 3] = [
        ("loader", {
            let fails = fails();
            UserHooks::new().loader(move || fails().map(|()| Some(contents("ada"))))
        }),
        ("post-processor", {
            let fails = fails();
            UserHooks::new().post_processor(move |contents| fails().map(|()| contents))
        }),
        ("builder", {
            let fails = fails();
            UserHooks::new().loader(|| Ok(None)).builder(move || fails().map(|()| contents("ada")))
        }),
    ];
    reported("");
    for (hook, hooks) in hooks {
        let (_dir, path) = saved("ada");
        let before = fs::read(&path).expect("is there");
        let name = format!("failing-{hook}");
        let cache = build(Users::builder(name.as_str()).snapshot(&path).hooks(hooks));
        says(&cache.set(2, "bob".to_owned()).expect_err("nothing came in"), hook, "failed: no disk");
        let error = cache.save().expect_err("nothing came in");
        says(&error, hook, "panicked: no memory");
        assert_eq!(fs::read(&path).expect("is there"), before, "what was saved is not replaced by nothing");
        assert_eq!(cache.get(&1).expect("now it does").as_deref(), Some("ada"));
        assert_eq!(cache.len().expect("memory"), 1, "what failed changed nothing");
        assert_eq!((cache.stats().errors, reported(&name).len()), (2, 2));
    }
}

#[test]
fn what_is_not_saved_leaves_what_was() {
    let hooks: [(&str, UserHooks); 2] = [
        ("pre-processor", {
            let fails = fails_twice();
            UserHooks::new().pre_processor(move |contents| fails().map(|()| contents))
        }),
        ("saver", {
            let fails = fails_twice();
            UserHooks::new().saver(move |_| fails())
        }),
    ];
    reported("");
    for (hook, hooks) in hooks {
        let (_dir, path) = saved("ada");
        let before = fs::read(&path).expect("is there");
        let name = format!("failing-{hook}");
        let cache = build(Users::builder(name.as_str()).snapshot(&path).hooks(hooks));
        cache.set(2, "bob".to_owned()).expect("sets");
        let error = cache.save().expect_err("fails");
        says(&error, hook, "failed: no disk");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("no disk"));
        says(&cache.save().expect_err("panics"), hook, "panicked: no memory");
        assert_eq!(fs::read(&path).expect("is there"), before);
        assert_eq!((cache.stats().errors, reported(&name).len()), (2, 2));
        assert_eq!(cache.save().expect("now it does"), 2);
    }
    let fails = fails_twice();
    let cache = build(Users::builder("failing-deleter").hooks(UserHooks::new().deleter(fails)));
    says(&cache.delete_saved().expect_err("fails"), "deleter", "failed: no disk");
    says(&cache.delete_saved().expect_err("panics"), "deleter", "panicked: no memory");
    cache.delete_saved().expect("now it does");
}

#[test]
fn a_refused_snapshot_is_reported() {
    reported("");
    let (_dir, path) = saved("ada");
    let hooks = UserHooks::new().validator(|_| panic!("a wrong validator"));
    let cache = build(Users::builder("refused").snapshot(&path).hooks(hooks));
    assert_eq!(cache.len().expect("nothing came in"), 0);
    let reports = reported("refused");
    assert!(reports.len() == 1 && reports[0].contains("validator") && reports[0].contains("panicked"), "{reports:?}");
}

#[test]
fn a_damaged_snapshot_is_reported_and_replaced() {
    reported("");
    let (_dir, path) = saved("ada");
    let mut bytes = fs::read(&path).expect("is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).expect("writes");
    let cache =
        build(Users::builder("damaged").snapshot(&path).hooks(UserHooks::new().builder(|| Ok(contents("new")))));
    assert!(cache.restore().is_err_and(|error| error.is_corrupt()), "who asks by name is told");
    assert_eq!(cache.get(&1).expect("goes on").as_deref(), Some("new"));
    assert_eq!((cache.stats().errors, reported("damaged").len()), (2, 2));
    cache.save().expect("saves");
    assert_eq!(build(Users::builder("damaged").snapshot(&path)).len().expect("is whole"), 1);
}

/// A file that can't be read may be whole: nothing is put in its place.
#[test]
fn what_cannot_be_read_is_not_replaced_until_it_is_given_up() {
    let dir = tempdir().expect("a directory");
    let path = dir.path().join("users.snapshot");
    fs::create_dir(&path).expect("creates");
    let cache = build(Users::builder("unread").snapshot(&path));
    for _ in 0..2 {
        assert!(cache.get(&1).is_err_and(|error| error.is_unavailable()), "it is a directory");
        assert!(cache.save().is_err_and(|error| error.is_unavailable()));
    }
    assert!(path.is_dir());
    fs::remove_dir(&path).expect("is empty");
    let (_other, newer) = saved("ada");
    let mut bytes = fs::read(&newer).expect("is there");
    bytes[8] = 2;
    let end = bytes.len() - 8;
    let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[..end]);
    bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&path, &bytes).expect("writes");
    assert!(cache.set(2, "bob".to_owned()).is_err_and(|error| error.is_newer()));
    assert_eq!(fs::read(&path).expect("is there"), bytes);
    cache.clear().expect("nobody wants it any more");
    cache.set(2, "bob".to_owned()).expect("goes on");
    assert_eq!(cache.save().expect("saves"), 1);
}

#[test]
fn a_silent_cache_goes_on_and_what_comes_later_yields() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = down.clone();
    let load = move || if is_down.load(SeqCst) { Err("down".into()) } else { Ok(Some(contents("old"))) };
    let (send, saves) = mpsc::channel();
    let save = move |contents: &Contents<u64, String>| send.send(contents.len()).map_err(Into::into);
    let cache = build(Users::builder("silent").silent().hooks(UserHooks::new().loader(load).saver(save)));
    assert_eq!(cache.get(&1).expect("silent"), None);
    cache.set(1, "new".to_owned()).expect("silent");
    cache.save().expect_err("what is told to save says so");
    assert!(saves.try_recv().is_err(), "what was saved is not replaced by less");
    down.store(false, SeqCst);
    assert_eq!(cache.get(&1).expect("silent").as_deref(), Some("new"), "the later one stays");
    assert_eq!((cache.save().expect("saves"), saves.recv().expect("saved")), (1, 1));
}

#[test]
fn what_is_cleared_before_the_first_use_does_not_come_in() {
    let clears: [(&str, Clear); 3] = [
        ("clear", |cache| assert_eq!(cache.clear().expect("clears"), 0, "none had come in")),
        ("clear_tag", |_| _ = memo::clear_tag("first-use").expect("clears")),
        ("clear_tags", |_| {
            memo::Clear::new().tag("first-use").tag("staff").run().expect("clears");
        }),
    ];
    for (name, clear) in clears {
        let load = || {
            let mut contents = contents("kept");
            contents.insert_with(2, "gone".to_owned(), SetOptions::new().tag("first-use").tag("staff"));
            Ok(Some(contents))
        };
        let cache = build(Users::builder(name).hooks(UserHooks::new().loader(load)));
        clear(&cache);
        assert_eq!(cache.get(&2).expect("comes in"), None, "{name}");
        assert_eq!(cache.contains(&1).expect("comes in"), name != "clear", "{name}");
        assert_eq!(cache.restore().expect("who asks by name has it all"), 2, "{name}");
    }
}

#[test]
fn what_was_cleared_stays_out_when_the_next_use_tries_again() {
    let clears: [(&str, Clear); 2] = [
        ("clear", |cache| _ = cache.clear().expect("clears")),
        ("clear_tag", |_| _ = memo::clear_tag("again").expect("clears")),
    ];
    for (name, clear) in clears {
        let fails = fails_twice();
        // What is built was not cleared: only what was saved.
        let hooks = UserHooks::new().post_processor(|_| Ok(tagged("again"))).loader(|| Ok(Some(tagged("again"))));
        let hooks = hooks.validator(|_| true).builder(move || fails().map(|()| Contents::new()));
        let cache = build(Users::builder(name).hooks(hooks.clone()));
        clear(&cache);
        if name == "clear" {
            for _ in 0..2 {
                cache.get(&1).expect_err("the builder fails");
            }
        } else {
            memo::register_hooks(name, UserHooks::new().loader(|| Err("down".into()))).expect("the same types");
            cache.get(&1).expect_err("the loader fails");
            cache.restore().expect_err("the loader fails");
            memo::register_hooks(name, UserHooks::new().loader(|| Ok(Some(tagged("again"))))).expect("the same types");
        }
        assert_eq!(cache.get(&1).expect("comes in"), None, "{name}");
    }
}

#[test]
fn what_is_set_after_a_clear_stays_when_older_contents_come_in() {
    let clears: [(&str, Clear); 2] = [
        ("cleared", |cache| _ = cache.clear().expect("clears")),
        ("cleared-of-tags", |_| _ = memo::clear_tag("older").expect("clears")),
    ];
    for (name, clear) in clears {
        for held in ["loader", "weigh"] {
            within_20_s(move || {
                let (begun, begins) = mpsc::channel();
                let (go, gone) = mpsc::channel();
                let gone = Arc::new(Mutex::new(gone));
                let hold = Arc::new(move |what: &str| {
                    if what == held {
                        begun.send(()).expect("the test waits");
                        gone.lock().expect("no panic").recv().expect("the test says go");
                    }
                });
                let weighs = hold.clone();
                let load = move || {
                    hold("loader");
                    Ok(Some(tagged("older")))
                };
                let builder = Users::builder(format!("{name}-{held}")).max_weight(10, move |_, value: &String| {
                    // Between its turn to come in and the lock under which it does.
                    if value == "tagged" {
                        weighs("weigh");
                    }
                    1
                });
                let cache = build(builder.hooks(UserHooks::new().loader(load)));
                go.send(()).expect("it waits");
                assert_eq!(cache.len().expect("comes in"), 1);
                begins.recv().expect("it came in");
                thread::scope(|scope| {
                    let restores = scope.spawn(|| cache.restore().expect("comes in"));
                    begins.recv().expect("it comes in again");
                    clear(&cache);
                    let older = || SetOptions::new().tag("older");
                    cache.set_with(1, "new".to_owned(), older()).expect("memory");
                    cache.set_with(2, "another".to_owned(), older()).expect("memory");
                    go.send(()).expect("it waits");
                    restores.join().expect("no panic");
                });
                let values = cache.get_many(&[1, 2]).expect("memory");
                assert_eq!(values, [Some("new".to_owned()), Some("another".to_owned())], "{name}, {held}");
                clear(&cache);
                assert_eq!(cache.len().expect("memory"), 0);
            });
        }
    }
}

#[test]
fn a_save_waits_for_what_comes_in() {
    within_20_s(|| {
        let (begun, begins) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let gone = Mutex::new(gone);
        let (send, saves) = mpsc::channel();
        let hooks = UserHooks::new()
            .loader(|| Ok(Some(contents("saved"))))
            .validator(move |_| begun.send(()).is_ok() && gone.lock().expect("no panic").recv().is_ok())
            .saver(move |contents| send.send(contents.len()).map_err(Into::into));
        let cache = build(Users::builder("waits").hooks(hooks));
        go.send(()).expect("it waits");
        assert!(cache.delete(&1).expect("comes in"));
        thread::scope(|scope| {
            begins.recv().expect("it came in");
            let restores = scope.spawn(|| cache.restore().expect("comes in"));
            begins.recv().expect("it comes in again");
            let saving = scope.spawn(|| cache.save().expect("saves"));
            // Time enough to save too early, and if it is not, nothing is shown.
            assert!(saves.recv_timeout(Duration::from_millis(50)).is_err());
            go.send(()).expect("it waits");
            assert_eq!((restores.join().expect("no panic"), saving.join().expect("no panic")), (1, 1));
        });
        assert_eq!(saves.try_iter().collect::<Vec<_>>(), [1]);
    });
}

#[test]
fn what_is_cleared_while_it_comes_in_goes_again() {
    within_20_s(|| {
        let (begun, begins) = mpsc::channel();
        let (go, gone) = mpsc::channel();
        let gone = Mutex::new(gone);
        let load = move || {
            begun.send(())?;
            gone.lock().expect("no panic").recv()?;
            Ok(Some(tagged("meanwhile")))
        };
        let cache = build(Users::builder("meanwhile").hooks(UserHooks::new().loader(load)));
        thread::scope(|scope| {
            let reader = scope.spawn(|| cache.get(&1).expect("comes in"));
            begins.recv().expect("it loads");
            memo::clear_tag("meanwhile").expect("does not wait for it");
            go.send(()).expect("it waits");
            assert_eq!(reader.join().expect("no panic"), None);
        });
        assert_eq!(cache.len().expect("memory"), 0);
    });
}

/// Neither threads nor tasks that wait for it are left alone.
#[test]
fn a_value_that_panics_is_an_error() {
    #[derive(Clone)]
    struct Bomb;
    impl serde::Serialize for Bomb {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u8(77)
        }
    }
    impl<'de> serde::Deserialize<'de> for Bomb {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            assert_ne!(u8::deserialize(deserializer)?, 77, "a bomb");
            Ok(Self)
        }
    }
    within_20_s(|| {
        let dir = tempdir().expect("a directory");
        let path = dir.path().join("bombs.snapshot");
        let build = || Cache::<u64, Bomb>::builder("bombs").snapshot(&path).build().expect("builds");
        let armed = build();
        armed.set(1, Bomb).expect("there is no file yet");
        armed.save().expect("saves");
        assert!(build().get(&1).is_err_and(|error| error.to_string().contains("a bomb")));
        smol::block_on(async {
            let cache: memo::aio::Cache<_, _> = build().into();
            let (one, other) = futures::join!(cache.get(&1), cache.len());
            assert!(one.is_err() && other.is_err());
        });
    });
}
