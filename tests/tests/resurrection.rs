//! Row 18; promises 3 and 10: what is invalidated while a body runs does not come back.

use std::{
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
    thread,
};

use memo::{cache_delete, cache_get, cache_set, invalidates, memoize, overwrite_cache};

use crate::concurrent::{Job, Key, poll_once, within_20_s};

mod concurrent;

/// Clearing everything reaches the functions of other tests too: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `cache_set!` stores in place of the number of a run.
const SET: u64 = 1000;

fn tags_of(value: u64) -> [String; 2] {
    ["any value".to_owned(), format!("run {value}")]
}

#[memoize(ttl = 4321, tag = "any load", tags = [format!("job {}", key.job().id())], tags = |value| tags_of(*value))]
fn load(key: Key) -> u64 {
    key.job().work()
}

#[memoize(ttl = 4321, tag = "any load", tags = [format!("job {}", key.job().id())], tags = |value| tags_of(*value))]
async fn load_async(key: Key) -> u64 {
    key.job().work_async().await
}

#[invalidates(load(key.clone()), load_async(key))]
fn change(key: Key) -> bool {
    key.job().runs() > 0
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Delete,
    DeleteWhileOff,
    Set,
    Overwrite,
    LiteralTag,
    ArgumentTag,
    ValueTag,
    ValueTagTwice,
    SeveralTags,
    LiteralAndValueTag,
    CrateName,
    DeclaredTtl,
    Function,
    Everything,
    Attribute,
}

impl Way {
    const ALL: [Self; 15] = [
        Self::Delete,
        Self::DeleteWhileOff,
        Self::Set,
        Self::Overwrite,
        Self::LiteralTag,
        Self::ArgumentTag,
        Self::ValueTag,
        Self::ValueTagTwice,
        Self::SeveralTags,
        Self::LiteralAndValueTag,
        Self::CrateName,
        Self::DeclaredTtl,
        Self::Function,
        Self::Everything,
        Self::Attribute,
    ];

    /// Is it known before the run ends whether its value is meant? If not, callers that come later may have to wait
    /// for the end.
    fn is_known_at_once(self) -> bool {
        !matches!(
            self,
            Self::ArgumentTag | Self::ValueTag | Self::ValueTagTwice | Self::SeveralTags | Self::LiteralAndValueTag
        )
    }

    /// What is stored afterwards by this alone.
    fn leaves(self) -> Option<u64> {
        match self {
            Self::Set => Some(SET),
            Self::Overwrite => Some(2),
            _ => None,
        }
    }

    fn invalidate(self, job: &'static Job, is_async: bool) {
        let key = job.key();
        match (self, is_async) {
            (Self::Delete, false) => {
                cache_delete!(load(key)).expect("memory");
            }
            (Self::Delete, true) => {
                smol::block_on(cache_delete!(load_async(key))).expect("memory");
            }
            (Self::DeleteWhileOff, _) => {
                let _off = memo::disabled_here();
                Self::Delete.invalidate(job, is_async);
            }
            (Self::Set, false) => cache_set!(load(key), SET).expect("memory"),
            (Self::Set, true) => smol::block_on(cache_set!(load_async(key), SET)).expect("memory"),
            (Self::Overwrite, false) => assert_eq!(overwrite_cache!(load(key)), 2),
            (Self::Overwrite, true) => assert_eq!(smol::block_on(overwrite_cache!(load_async(key))), 2),
            (Self::LiteralTag, _) => clear_tag("any load"),
            (Self::ArgumentTag, _) => clear_tag(&format!("job {}", job.id())),
            (Self::ValueTag, _) => clear_tag("run 1"),
            (Self::ValueTagTwice, _) => {
                clear_tag("run 1");
                clear_tag("a tag of nobody's");
                clear_tag("any value");
            }
            (Self::SeveralTags, _) => {
                clear(&memo::Clear::new().tag("any value").tag(format!("job {}", job.id())));
            }
            (Self::LiteralAndValueTag, _) => clear(&memo::Clear::new().tag("any load").tag("run 1")),
            (Self::CrateName, _) => clear(&memo::Clear::new().crate_name("resurrection")),
            (Self::DeclaredTtl, _) => clear(&memo::Clear::new().ttl(4321)),
            (Self::Function, false) => {
                memo::cache_clear(load).expect("memory");
            }
            (Self::Function, true) => {
                memo::cache_clear(load_async).expect("memory");
            }
            (Self::Everything, _) => {
                memo::clear_all().expect("memory");
            }
            (Self::Attribute, _) => assert!(change(key)),
        }
    }
}

fn clear_tag(tag: &str) {
    memo::clear_tag(tag).expect("memory");
}

fn clear(selector: &memo::Clear) {
    selector.run().expect("memory");
}

/// A later caller gets this from a run of its own, or from what the invalidation left.
fn fresh(way: Way) -> u64 {
    way.leaves().unwrap_or(2)
}

#[test]
fn threads_that_call_later_never_get_the_old_value() {
    let _alone = alone();
    for way in Way::ALL {
        within_20_s(move || {
            let job = Job::new(1);
            let early: Vec<_> = (0..3).map(|_| thread::spawn(|| load(job.key()))).collect();
            job.until_missed(3);
            way.invalidate(job, false);
            let late = thread::spawn(|| load(job.key()));
            if way.is_known_at_once() {
                // It ends while the old run is still held.
                assert_eq!(late.join().expect("no panic"), fresh(way), "{way:?}");
                job.open(1);
            } else {
                job.until_missed(4);
                job.open(1);
                assert_eq!(late.join().expect("no panic"), fresh(way), "{way:?}");
            }
            assert!(early.into_iter().all(|caller| caller.join().expect("no panic") == 1), "{way:?}");
            assert_eq!(cache_get!(load(job.key())), Some(fresh(way)), "{way:?}");
            assert_eq!(load(job.key()), fresh(way), "{way:?}");
            assert_eq!(job.runs(), if way == Way::Set { 1 } else { 2 }, "{way:?}");
        });
    }
}

#[test]
fn tasks_that_call_later_never_get_the_old_value() {
    let _alone = alone();
    for way in Way::ALL {
        within_20_s(move || {
            let job = Job::new(1);
            let mut early: Vec<_> = (0..3).map(|_| Box::pin(load_async(job.key()))).collect();
            assert!(early.iter_mut().all(|caller| poll_once(caller.as_mut()).is_pending()));
            way.invalidate(job, true);
            let mut late = pin!(load_async(job.key()));
            let first = poll_once(late.as_mut());
            if way.is_known_at_once() {
                assert_eq!(first, Poll::Ready(fresh(way)), "{way:?}");
            } else {
                assert!(first.is_pending(), "{way:?}");
            }
            job.open(1);
            for caller in &mut early {
                assert_eq!(poll_once(caller.as_mut()), Poll::Ready(1), "{way:?}");
            }
            if first.is_pending() {
                assert_eq!(poll_once(late), Poll::Ready(fresh(way)), "{way:?}");
            }
            assert_eq!(smol::block_on(cache_get!(load_async(job.key()))), Some(fresh(way)), "{way:?}");
            assert_eq!(smol::block_on(load_async(job.key())), fresh(way), "{way:?}");
            assert_eq!(job.runs(), if way == Way::Set { 1 } else { 2 }, "{way:?}");
        });
    }
}

#[test]
fn a_value_that_was_invalidated_is_not_stored_even_if_nobody_asked_since() {
    let _alone = alone();
    for (way, again) in Way::ALL.into_iter().flat_map(|way| Way::ALL.map(|again| (way, again))) {
        // The second one sees runs and values of the first.
        if again == Way::Overwrite {
            continue;
        }
        within_20_s(move || {
            let left = again.leaves().or(match again {
                // None of these is about the value that the first one left.
                Way::ValueTag | Way::LiteralAndValueTag => way.leaves(),
                _ => None,
            });
            let job = Job::new(1);
            let early = thread::spawn(|| load(job.key()));
            job.until_runs(1);
            way.invalidate(job, false);
            again.invalidate(job, false);
            job.open(1);
            assert_eq!(early.join().expect("no panic"), 1);
            assert_eq!(cache_get!(load(job.key())), left, "{way:?}, {again:?}");

            let job = Job::new(1);
            let mut early = pin!(load_async(job.key()));
            assert!(poll_once(early.as_mut()).is_pending());
            way.invalidate(job, true);
            again.invalidate(job, true);
            job.open(1);
            assert_eq!(poll_once(early), Poll::Ready(1));
            assert_eq!(smol::block_on(cache_get!(load_async(job.key()))), left, "async {way:?}, {again:?}");
        });
    }
}

#[test]
fn clearing_other_tags_and_keys_hinders_nobody() {
    let _alone = alone();
    within_20_s(|| {
        let (job, other) = (Job::new(1), Job::new(0));
        let early = thread::spawn(|| load(job.key()));
        job.until_runs(1);
        clear_tag("run 2");
        clear(&memo::Clear::new().tag("any load").tag("run 2"));
        clear(&memo::Clear::new().tag("any value").tag(format!("job {}", other.id())));
        Way::Delete.invalidate(other, false);
        Way::Function.invalidate(job, true);
        job.open(1);
        assert_eq!(early.join().expect("no panic"), 1);
        assert_eq!(cache_get!(load(job.key())), Some(1));
    });
}

#[test]
fn of_two_overwrites_the_later_begun_wins() {
    let _alone = alone();
    for first_ends_first in [true, false] {
        within_20_s(move || {
            let job = Job::new(2);
            let [one, two] = [1, 2].map(|run| {
                let overwrite = thread::spawn(|| overwrite_cache!(load(job.key())));
                job.until_runs(run);
                (run, overwrite)
            });
            let order = if first_ends_first { [one, two] } else { [two, one] };
            for (run, overwrite) in order {
                job.open(run);
                assert_eq!(overwrite.join().expect("no panic"), run);
                assert_ne!(cache_get!(load(job.key())), Some(1), "the earlier one is never seen");
            }
            assert_eq!(load(job.key()), 2);

            let job = Job::new(2);
            let mut one = pin!(overwrite_cache!(load_async(job.key())));
            let mut two = pin!(overwrite_cache!(load_async(job.key())));
            assert!(poll_once(one.as_mut()).is_pending() && poll_once(two.as_mut()).is_pending());
            let mut end = |run| {
                job.open(run);
                let overwrite = if run == 1 { one.as_mut() } else { two.as_mut() };
                assert_eq!(poll_once(overwrite), Poll::Ready(run));
            };
            let order = if first_ends_first { [1, 2] } else { [2, 1] };
            order.into_iter().for_each(&mut end);
            assert_eq!(smol::block_on(load_async(job.key())), 2);
        });
    }
}

#[test]
fn a_running_overwrite_is_invalidated_like_any_run() {
    let _alone = alone();
    for way in Way::ALL {
        within_20_s(move || {
            let job = Job::new(1);
            let overwrite = thread::spawn(|| overwrite_cache!(load(job.key())));
            job.until_runs(1);
            way.invalidate(job, false);
            job.open(1);
            assert_eq!(overwrite.join().expect("no panic"), 1);
            assert_eq!(cache_get!(load(job.key())), way.leaves(), "{way:?}");
        });
    }
}
