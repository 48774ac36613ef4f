//! Row 66; promise 1: a function from several keys to their values runs for those that are missing, each once.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use memo::{
    cache_delete, cache_entry, cache_get, cache_info, cache_set, clock::TestClock, explain_cache, invalidates, memoize,
    overwrite_cache, skip_cache,
};

/// What a body was asked for, call by call.
struct Asked(Mutex<Vec<Vec<u64>>>);

impl Asked {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn note(&self, ids: &[u64]) {
        self.0.lock().expect("no panic").push(ids.to_vec());
    }

    /// All since this was asked last.
    fn take(&self) -> Vec<Vec<u64>> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn begin() -> (MutexGuard<'static, ()>, TestClock) {
    (ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner), TestClock::install())
}

#[test]
fn the_body_sees_what_is_missing_once_in_order() {
    static ASKED: Asked = Asked::new();

    #[memoize(each = ids)]
    fn squares(ids: &[u64]) -> Vec<u64> {
        ASKED.note(ids);
        ids.iter().map(|id| id * id).collect()
    }

    assert_eq!(squares(&[3, 1, 3, 2, 1]), [9, 1, 9, 4, 1], "in the order of the argument");
    assert_eq!(ASKED.take(), [[3, 1, 2]], "each once, in the order in which they first appear");
    assert_eq!(squares(&[5, 1, 4, 5, 2]), [25, 1, 16, 25, 4]);
    assert_eq!(ASKED.take(), [[5, 4]]);
    assert_eq!(squares(&[1, 2, 3, 4, 5]), [1, 4, 9, 16, 25]);
    assert_eq!(squares(&[]), Vec::<u64>::new());
    assert_eq!(ASKED.take(), Vec::<Vec<u64>>::new(), "the body is not run for nothing");
}

#[test]
fn the_other_arguments_are_part_of_every_key() {
    static ASKED: Asked = Asked::new();

    #[memoize(each = ids, exclude(_log))]
    fn scaled(_log: &dyn Fn(), tenant: &str, ids: &[u64], by: u64) -> Vec<String> {
        ASKED.note(ids);
        ids.iter().map(|id| format!("{tenant}:{}", id * by)).collect()
    }

    assert_eq!(scaled(&|| (), "a", &[1, 2], 10), ["a:10", "a:20"]);
    assert_eq!(scaled(&|| (), "b", &[1, 2], 10), ["b:10", "b:20"]);
    assert_eq!(scaled(&|| (), "a", &[1, 2], 11), ["a:11", "a:22"]);
    assert_eq!(ASKED.take().len(), 3);
    assert_eq!(scaled(&|| (), "a", &[2, 3], 10), ["a:20", "a:30"]);
    assert_eq!(ASKED.take(), [[3]]);
}

#[test]
fn maps_give_what_was_found() {
    static ASKED: Asked = Asked::new();

    #[memoize(each = ids)]
    fn even(ids: &[u64]) -> HashMap<u64, String> {
        ASKED.note(ids);
        // Also something that nobody asked for.
        ids.iter().chain(&[100]).filter(|id| *id % 2 == 0).map(|id| (*id, id.to_string())).collect()
    }

    let found = even(&[1, 2, 2, 4]);
    assert_eq!(found, HashMap::from([(2, "2".to_owned()), (4, "4".to_owned())]));
    assert_eq!(even(&[2, 1]), HashMap::from([(2, "2".to_owned())]));
    assert_eq!(ASKED.take(), [vec![1, 2, 4], vec![1]], "what is absent is asked for again");
    assert_eq!(cache_get!(even(&100)), None, "nobody asked for that");
}

#[test]
fn options_are_kept_on_terms_of_their_own() {
    static ASKED: Asked = Asked::new();

    #[memoize(each = ids, none_ttl = 10)]
    fn even(ids: &[u64]) -> Vec<Option<u64>> {
        ASKED.note(ids);
        ids.iter().map(|id| (id % 2 == 0).then_some(*id)).collect()
    }

    let (_alone, clock) = begin();
    assert_eq!(even(&[1, 2]), [None, Some(2)]);
    assert_eq!(even(&[1, 2]), [None, Some(2)]);
    assert_eq!(ASKED.take(), [[1, 2]], "that there is nothing is known");
    clock.advance(Duration::from_secs(11));
    even(&[1, 2]);
    assert_eq!(ASKED.take(), [[1]], "for ten seconds");
}

#[test]
fn errors_are_not_kept() {
    static ASKED: Asked = Asked::new();

    #[derive(Debug, PartialEq)]
    struct Odd(u64);

    #[memoize(each = ids)]
    fn even(ids: &[u64]) -> Result<Vec<u64>, Odd> {
        ASKED.note(ids);
        ids.iter().map(|id| if id % 2 == 0 { Ok(id * 10) } else { Err(Odd(*id)) }).collect()
    }

    #[memoize(each = ids)]
    fn even_of(ids: &[u64]) -> Result<HashMap<u64, u64>, Odd> {
        ASKED.note(ids);
        if ids.contains(&7) {
            Err(Odd(7))
        } else {
            Ok(ids.iter().filter(|id| *id % 2 == 0).map(|id| (*id, *id)).collect())
        }
    }

    assert_eq!(even(&[2, 3, 4]), Err(Odd(3)));
    assert_eq!(even(&[2, 4]), Ok(vec![20, 40]));
    assert_eq!(ASKED.take(), [vec![2, 3, 4], vec![2, 4]], "nothing of a run that failed is kept");
    assert_eq!(even(&[2, 5]), Err(Odd(5)));
    assert_eq!(ASKED.take(), [[5]], "what is known is not asked for again");
    assert_eq!(even_of(&[1, 2]), Ok(HashMap::from([(2, 2)])));
    assert_eq!(even_of(&[2, 7]), Err(Odd(7)));
    assert_eq!(even_of(&[2, 1]), Ok(HashMap::from([(2, 2)])));
    assert_eq!(ASKED.take(), [vec![1, 2], vec![7], vec![1]]);
}

#[test]
fn errors_are_kept_on_request() {
    static ASKED: Asked = Asked::new();

    #[memoize(each = ids, err_ttl = 10)]
    fn even(ids: &[u64]) -> Result<Vec<u64>, String> {
        ASKED.note(ids);
        ids.iter().map(|id| if id % 2 == 0 { Ok(*id) } else { Err(format!("{id} is odd")) }).collect()
    }

    let (_alone, clock) = begin();
    assert_eq!(even(&[3]), Err("3 is odd".to_owned()));
    assert_eq!(even(&[2, 3]), Err("3 is odd".to_owned()));
    assert_eq!(ASKED.take(), [vec![3], vec![2]]);
    clock.advance(Duration::from_secs(11));
    assert_eq!(even(&[3]), Err("3 is odd".to_owned()));
    assert_eq!(ASKED.take(), [[3]]);
}

#[test]
fn a_key_is_one_call_in_the_statistics() {
    #[memoize(each = ids, name = "counted each")]
    fn counted(ids: &[u64]) -> Vec<u64> {
        ids.to_vec()
    }

    counted(&[1, 2, 3]);
    counted(&[2, 3, 4, 4]);
    counted(&[2, 2]);
    let info = cache_info(counted);
    assert_eq!((info.misses, info.hits, info.stores, info.size), (4, 5, 4, 4));
    assert_eq!(info.coalesced, 1, "the second 4");
    {
        let _off = memo::disabled_here();
        assert_eq!(counted(&[2, 9, 9]), [2, 9, 9]);
    }
    assert_eq!(cache_info(counted).calls(), 9);
    memo::cache_clear(counted).expect("it works");
    assert_eq!(cache_info(counted).size, 0);
}

#[test]
fn while_caching_is_off_the_body_sees_every_key_once() {
    static ASKED: Asked = Asked::new();

    #[memoize(each = ids)]
    fn plain(ids: &[u64]) -> Vec<u64> {
        ASKED.note(ids);
        ids.to_vec()
    }

    plain(&[1]);
    let _off = memo::disabled_here();
    assert_eq!(plain(&[1, 2, 1]), [1, 2, 1]);
    assert_eq!(ASKED.take(), [vec![1], vec![1, 2]]);
}

#[test]
fn one_call_is_made_in_one_mode() {
    static NOW: AtomicUsize = AtomicUsize::new(0);

    #[memoize(each = ids, name = "modes of each")]
    fn at(ids: &[u64]) -> Vec<(u64, usize)> {
        ids.iter().map(|id| (*id, NOW.load(Relaxed))).collect()
    }

    at(&[1, 2]);
    NOW.store(1, Relaxed);
    assert_eq!(skip_cache!(at(&[1, 2, 3, 1])), [(1, 1), (2, 1), (3, 1), (1, 1)]);
    assert_eq!(cache_info(at).skipped, 3, "of which one stands there twice");
    assert_eq!(at(&[1, 2]), [(1, 0), (2, 0)], "nothing was read or written, and the next call is like any other");
    assert_eq!(overwrite_cache!(at(&[1, 3])), [(1, 1), (3, 1)]);
    NOW.store(2, Relaxed);
    assert_eq!(at(&[1, 2, 3]), [(1, 1), (2, 0), (3, 1)]);
    let info = cache_info(at);
    assert_eq!((info.misses, info.hits), (4, 5));
    assert_eq!(skip_cache!(at(&[])), []);
    assert_eq!(at(&[1]), [(1, 1)], "a call without keys takes its mode along");
}

#[test]
fn an_address_is_one_key() {
    #[memoize(each = names)]
    fn lengths(tenant: u32, names: &[&str]) -> Vec<usize> {
        names.iter().map(|name| name.len() + tenant as usize).collect()
    }

    #[invalidates(lengths(0, &name))]
    fn renamed(name: &str) {
        let _ = name;
    }

    assert_eq!(cache_get!(lengths(0, &"ada")), None);
    assert_eq!(lengths(0, &["ada", "grace"]), [3, 5]);
    assert_eq!(cache_get!(lengths(0, &"ada")), Some(3));
    assert!(cache_entry!(lengths(0, &"grace")).is_some());
    assert!(explain_cache!(lengths(0, &"ada")).is_hit());
    cache_set!(lengths(0, &"ada"), 30).expect("it works");
    assert_eq!(lengths(0, &["grace", "ada"]), [5, 30]);
    assert!(cache_delete!(lengths(0, &"ada")).expect("it works"));
    assert_eq!(cache_get!(lengths(0, &"ada")), None);
    assert_eq!(cache_get!(lengths(0, &"grace")), Some(5));
    renamed("grace");
    assert_eq!(cache_get!(lengths(0, &"grace")), None);
}

#[derive(Clone, Debug, PartialEq)]
struct User {
    id: u64,
    team: u64,
}

#[test]
fn expressions_speak_of_one_key() {
    static ASKED: Asked = Asked::new();

    #[memoize(
        each = ids,
        ttl = ids % 10,
        tags = ["users of each", format!("user of each:{ids}")],
        tag = |user: &User| format!("team of each:{}", user.team),
        cache_if = |user| *ids != 77 && user.team != 9,
    )]
    fn users(ids: &[u64]) -> Vec<User> {
        ASKED.note(ids);
        ids.iter().map(|id| User { id: *id, team: id / 10 }).collect()
    }

    let (_alone, clock) = begin();
    users(&[5, 15, 77, 95, 29]);
    assert_eq!(ASKED.take(), [[5, 15, 77, 95, 29]]);
    users(&[5, 15, 77, 95, 29]);
    assert_eq!(ASKED.take(), [[77, 95]], "those are not kept");
    memo::clear_tag("user of each:5").expect("it works");
    memo::clear_tag("team of each:1").expect("it works");
    users(&[5, 15, 29]);
    assert_eq!(ASKED.take(), [[5, 15]]);
    clock.advance(Duration::from_secs(7));
    users(&[5, 15, 29]);
    assert_eq!(ASKED.take(), [[5, 15]], "29 lives for nine seconds");
    memo::clear_tag("users of each").expect("it works");
    users(&[5, 29]);
    assert_eq!(ASKED.take(), [[5, 29]]);
}

#[test]
fn a_key_of_ones_own_is_made_for_every_element() {
    static ASKED: Asked = Asked::new();

    #[memoize(each = users, key = (users.id, tenant), validate = |entry| entry.value().team == users.team)]
    fn teams(users: &[User], tenant: &str) -> Vec<User> {
        ASKED.note(&users.iter().map(|user| user.id).collect::<Vec<_>>());
        let _ = tenant;
        users.to_vec()
    }

    let user = |id, team| User { id, team };
    assert_eq!(teams(&[user(1, 1), user(2, 1), user(1, 1)], "t"), [user(1, 1), user(2, 1), user(1, 1)]);
    assert_eq!(teams(&[user(2, 2), user(1, 1)], "t"), [user(2, 2), user(1, 1)]);
    assert_eq!(ASKED.take(), [vec![1, 2], vec![2]], "the entry of 2 was not valid any more");
}

#[test]
fn a_bound_holds() {
    #[memoize(each = ids, max_weight = 40, weigh = |_, value| *value, policy = "fifo")]
    fn weighed(ids: &[u64]) -> Vec<u64> {
        ids.iter().map(|id| id * 10).collect()
    }

    #[memoize(each = ids, max_entries = 10)]
    fn few(ids: &[u64]) -> Vec<u64> {
        ids.to_vec()
    }

    let ids: Vec<u64> = (0..100).collect();
    assert_eq!(few(&ids), ids);
    assert_eq!(cache_info(few).size, 10);
    assert_eq!(weighed(&[1, 2, 3]), [10, 20, 30]);
    assert!(cache_get!(weighed(&3)).is_some() && cache_get!(weighed(&1)).is_none());
}

#[test]
fn a_wrong_number_of_values_is_a_panic_and_nothing_else() {
    static WRONG: AtomicBool = AtomicBool::new(true);

    #[memoize(each = ids)]
    fn odd_ones_out(ids: &[u64]) -> Vec<u64> {
        let wrong = WRONG.load(Relaxed);
        ids.iter().filter(|id| !wrong || *id % 2 == 0).copied().collect()
    }

    let panic = std::panic::catch_unwind(|| odd_ones_out(&[1, 2, 3])).expect_err("it fails");
    let message = panic.downcast_ref::<String>().expect("it works");
    assert_eq!(message, "`odd_ones_out` was asked for 3 keys and gave 1 values: it has to give one for each");
    assert_eq!(cache_get!(odd_ones_out(&2)), None, "nobody knows whose it is");
    WRONG.store(false, Relaxed);
    assert_eq!(odd_ones_out(&[1, 2, 3]), [1, 2, 3]);
}

/// Names, some of them not its own.
struct Repository {
    prefix: String,
    runs: AtomicUsize,
}

trait Names {
    fn names(&self, ids: &[u64]) -> Vec<String>;
    fn count(&mut self, ids: &[u64], step: Box<u64>) -> Vec<u64>;
}

#[memoize]
impl Names for Repository {
    #[memoize(each = ids, include(self.prefix))]
    fn names(&self, ids: &[u64]) -> Vec<String> {
        self.runs.fetch_add(1, Relaxed);
        ids.iter().map(|id| format!("{}{id}", self.prefix)).collect()
    }

    #[memoize(each = ids, exclude(self))]
    fn count(&mut self, ids: &[u64], mut step: Box<u64>) -> Vec<u64> {
        self.prefix.push('.');
        *step += 1;
        let step = step;
        ids.iter().map(|id| id + *step).collect()
    }
}

impl Repository {
    #[memoize(each = ids, include(self.prefix))]
    fn found<T: Clone + Send + Sync + From<u64> + 'static>(&self, ids: &[u64]) -> HashMap<u64, T> {
        self.runs.fetch_add(1, Relaxed);
        ids.iter().map(|id| (*id, T::from(*id))).collect()
    }

    #[memoize(each = ids)]
    fn given<T: Clone + Send + Sync + From<u64> + 'static>(ids: &[u64]) -> Vec<T> {
        ids.iter().map(|id| T::from(*id)).collect()
    }
}

#[test]
fn methods_of_all_kinds() {
    let mut one = Repository { prefix: "a".to_owned(), runs: AtomicUsize::new(0) };
    let other = Repository { prefix: "b".to_owned(), runs: AtomicUsize::new(0) };
    assert_eq!(one.names(&[1, 2]), ["a1", "a2"]);
    assert_eq!(other.names(&[1, 2]), ["b1", "b2"]);
    assert_eq!(one.names(&[2, 1]), ["a2", "a1"]);
    assert_eq!(cache_get!(one.names(&2)), Some("a2".to_owned()));
    assert_eq!(cache_get!(<Repository as Names>::names(&other, &2)), Some("b2".to_owned()));
    assert_eq!(one.found::<u128>(&[1, 2]), HashMap::from([(1, 1), (2, 2)]));
    assert_eq!(cache_get!(one.found::<u128>(&2)), Some(2));
    assert_eq!(Repository::given::<u128>(&[7]), [7]);
    assert_eq!(cache_get!(Repository::given::<u128>(&7)), Some(7));
    assert_eq!((one.runs.load(Relaxed), other.runs.load(Relaxed)), (2, 1));
    assert_eq!(one.count(&[1, 2], Box::new(1)), [3, 4]);
    assert_eq!(one.count(&[2, 3], Box::new(1)), [4, 5]);
    assert_eq!(one.prefix, "a..");
}

#[test]
fn values_of_one_thread() {
    use std::rc::Rc;

    #[memoize(each = ids, scope = "thread")]
    fn local(ids: &[u64]) -> Vec<Rc<u64>> {
        ids.iter().map(|id| Rc::new(*id)).collect()
    }

    let first = local(&[1, 2]);
    let second = local(&[2, 3, 3]);
    assert!(Rc::ptr_eq(&first[1], &second[0]) && Rc::ptr_eq(&second[1], &second[2]));
}

#[test]
fn keys_of_many_forms() {
    #[memoize(each = floats)]
    fn floats(floats: &[f64]) -> Vec<String> {
        floats.iter().map(|float| format!("{float:?}")).collect()
    }

    #[memoize(each = pairs)]
    fn pairs(pairs: &[(&str, u8)]) -> Vec<String> {
        pairs.iter().map(|(name, number)| format!("{name}{number}")).collect()
    }

    #[memoize(each = names)]
    fn names(names: &[&str]) -> HashMap<String, usize> {
        names.iter().map(|name| ((*name).to_owned(), name.len())).collect()
    }

    #[memoize(each = names)]
    fn owned(names: &[String]) -> HashMap<String, usize> {
        names.iter().map(|name| (name.clone(), name.len())).collect()
    }

    assert_eq!(floats(&[f64::NAN, 1.5, f64::NAN]), ["NaN", "1.5", "NaN"]);
    assert_eq!(names(&["ada", "ada"]), HashMap::from([("ada".to_owned(), 3)]));
    assert_eq!(names(&["ada", "bob"]).len(), 2);
    assert_eq!(owned(&["ada".to_owned()]), HashMap::from([("ada".to_owned(), 3)]));
    assert_eq!(pairs(&[("a", 1), ("b", 2), ("a", 1)]), ["a1", "b2", "a1"]);
    assert_eq!(cache_get!(pairs(&("b", 2))), Some("b2".to_owned()));
}

#[test]
fn recursion_asks_for_what_is_not_under_way() {
    #[memoize(each = ns)]
    fn fibs(ns: &[u64]) -> Vec<u64> {
        ns.iter().map(|n| if *n < 2 { *n } else { fibs(&[n - 1, n - 2]).iter().sum() }).collect()
    }

    assert_eq!(fibs(&[50, 10, 50]), [12_586_269_025, 55, 12_586_269_025]);
}
