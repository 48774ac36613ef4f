//! Row 12: `#[invalidates]` deletes after success, with the key that the named function has.

use memo::{cache_get, invalidates, memoize, skip_cache};
use memo_tests::{counts, fresh};

struct Logger;

#[test]
fn the_entry_of_the_same_arguments_is_deleted() {
    #[memoize(exclude(logger))]
    fn find(logger: &Logger, id: u64) -> u64 {
        let _ = logger;
        id + fresh()
    }
    #[memoize]
    fn list() -> u64 {
        fresh()
    }
    #[invalidates(find(logger, id), list())]
    fn update(logger: &Logger, id: u64) -> u64 {
        let _ = logger;
        id
    }
    let before = (find(&Logger, 1), find(&Logger, 2), list());
    assert_eq!(update(&Logger, 1), 1);
    let after = (find(&Logger, 1), find(&Logger, 2), list());
    assert_ne!(after.0, before.0);
    assert_eq!(after.1, before.1);
    assert_ne!(after.2, before.2);
    assert_eq!(memo::cache_info(find).invalidations, 1);
}

#[test]
fn an_underscore_stands_for_what_is_not_in_the_key() {
    #[memoize(exclude(logger))]
    fn find(logger: &Logger, id: u64) -> u64 {
        let _ = logger;
        id + fresh()
    }
    #[invalidates(find(_, id))]
    fn remove(id: u64) {
        let _ = id;
    }
    let before = find(&Logger, 1);
    remove(1);
    assert_ne!(find(&Logger, 1), before);
}

#[test]
fn only_a_returned_ok_deletes() {
    #[memoize]
    fn find(id: u64) -> u64 {
        id + fresh()
    }
    #[invalidates(find(id))]
    fn update(id: u64, fails: bool) -> Result<u64, String> {
        if fails {
            return Err("failed".into());
        }
        let id: u64 = id.to_string().parse().map_err(|_| String::new())?;
        Ok(id)
    }
    let before = find(1);
    assert_eq!(update(1, true), Err("failed".into()));
    assert_eq!(find(1), before);
    assert_eq!(update(1, false), Ok(1));
    assert_ne!(find(1), before);
}

#[test]
fn aliases_of_result_count_as_results() {
    type Done = Result<(), std::fmt::Error>;
    #[memoize]
    fn find(id: u64) -> u64 {
        id + fresh()
    }
    #[invalidates(find(id))]
    fn update(id: u64, fails: bool) -> Done {
        let _ = id;
        if fails { Err(std::fmt::Error) } else { Ok(()) }
    }
    let before = find(1);
    assert!(update(1, true).is_err());
    assert_eq!(find(1), before);
    assert!(update(1, false).is_ok());
    assert_ne!(find(1), before);
}

#[test]
fn a_panic_deletes_nothing() {
    #[memoize]
    fn find(id: u64) -> u64 {
        id + fresh()
    }
    #[invalidates(find(id))]
    fn update(id: u64) {
        assert!(id > 100, "panics");
    }
    let before = find(1);
    assert!(std::panic::catch_unwind(|| update(1)).is_err());
    assert_eq!(find(1), before);
}

#[test]
fn deletion_comes_after_the_body() {
    #[memoize]
    fn find(id: u64) -> u64 {
        id + fresh()
    }
    #[invalidates(find(id))]
    fn update(id: u64) -> (Option<u64>, u64) {
        (cache_get!(find(id)), find(id))
    }
    let before = find(1);
    assert_eq!(update(1), (Some(before), before));
    assert_ne!(find(1), before);
}

#[test]
fn arguments_that_the_body_consumes_can_be_in_the_address() {
    #[memoize]
    fn find(name: String, ids: Vec<u64>) -> u64 {
        name.len() as u64 + ids.len() as u64 + fresh()
    }
    #[invalidates(find(name, ids))]
    fn update(name: String, ids: Vec<u64>) -> (Vec<u8>, Vec<u64>) {
        (name.into_bytes(), ids)
    }
    let before = find("a".into(), vec![1]);
    assert_eq!(update("a".into(), vec![1]), (vec![b'a'], vec![1]));
    assert_ne!(find("a".into(), vec![1]), before);
}

#[test]
fn expressions_and_fields_can_be_in_the_address() {
    struct User {
        id: u64,
        name: String,
    }
    #[memoize]
    fn find(id: u64, name: &str) -> u64 {
        id + name.len() as u64 + fresh()
    }
    #[invalidates(find(user.id, &user.name.to_lowercase()))]
    fn update(user: User) -> String {
        user.name
    }
    let before = (find(1, "ann"), find(1, "Ann"));
    update(User { id: 1, name: "Ann".into() });
    assert_ne!(find(1, "ann"), before.0);
    assert_eq!(find(1, "Ann"), before.1);
}

#[test]
fn the_key_is_made_by_the_named_function() {
    #[memoize(key = name.to_lowercase())]
    fn find(name: &str) -> u64 {
        name.len() as u64 + fresh()
    }
    #[invalidates(find(name))]
    fn update(name: &str) {
        let _ = name;
    }
    let before = find("ann");
    update("ANN");
    assert_ne!(find("ann"), before);
}

struct Repo {
    tenant: u32,
    version: u64,
}

impl Repo {
    #[memoize(include(self.tenant))]
    fn get(&self, id: u64) -> u64 {
        id + u64::from(self.tenant) + fresh()
    }

    #[memoize]
    fn count() -> u64 {
        fresh()
    }

    #[invalidates(self.get(id), Self::count())]
    fn set(&mut self, id: u64) -> u64 {
        self.version += 1;
        id
    }

    #[invalidates(Repo::get(self, id))]
    fn touch(&self, id: u64) {
        let _ = (id, self.version);
    }
}

#[test]
fn methods_invalidate_methods() {
    let (mut one, two) = (Repo { tenant: 1, version: 0 }, Repo { tenant: 2, version: 0 });
    let before = (one.get(1), two.get(1), Repo::count());
    one.set(1);
    assert_ne!(one.get(1), before.0);
    assert_eq!(two.get(1), before.1);
    assert_ne!(Repo::count(), before.2);
    two.touch(1);
    assert_ne!(two.get(1), before.1);
}

#[test]
fn tags_can_be_named() {
    #[memoize(tags = ["invalidates", format!("invalidates:{id}")])]
    fn find(id: u64) -> u64 {
        id + fresh()
    }
    #[invalidates(tag = format!("invalidates:{id}"))]
    fn one(id: u64) {
        let _ = id;
    }
    #[invalidates(tags = [format!("invalidates:{a}"), format!("invalidates:{b}")])]
    fn two(a: u64, b: u64) {
        let _ = (a, b);
    }
    #[invalidates(tag = "invalidates")]
    fn all() {}
    let stored = || [1, 2, 3].map(|id| cache_get!(find(id)).is_some());
    let fill = || [1, 2, 3].map(find).len();
    fill();
    one(1);
    assert_eq!(stored(), [false, true, true]);
    fill();
    two(2, 3);
    assert_eq!(stored(), [true, false, false]);
    fill();
    all();
    assert_eq!(stored(), [false; 3]);
}

#[test]
fn async_functions_invalidate_after_they_finished() {
    #[memoize]
    async fn find(id: u64) -> u64 {
        id + fresh()
    }
    #[memoize]
    fn blocking(id: u64) -> u64 {
        id + fresh()
    }
    #[invalidates(find(id), blocking(id))]
    async fn update(id: u64, fails: bool) -> Result<u64, String> {
        smol::future::yield_now().await;
        if fails { Err("failed".into()) } else { Ok(id) }
    }
    #[invalidates(find(id))]
    fn boxed(id: u64) -> std::pin::Pin<Box<dyn Future<Output = u64> + Send>> {
        Box::pin(async move { id })
    }
    #[invalidates(find(id))]
    fn from_blocking(id: u64) {
        let _ = id;
    }
    smol::block_on(async {
        let before = (find(1).await, blocking(1));
        assert!(update(1, true).await.is_err());
        drop(update(1, false));
        assert_eq!((find(1).await, blocking(1)), before);
        assert_eq!(update(1, false).await, Ok(1));
        let after = (find(1).await, blocking(1));
        assert!(after.0 != before.0 && after.1 != before.1);
        boxed(1).await;
        assert_ne!(find(1).await, after.0);
        let last = find(1).await;
        from_blocking(1);
        assert_ne!(find(1).await, last);
    });
}

#[test]
fn a_run_of_a_memoized_function_invalidates() {
    #[memoize]
    fn find(id: u64) -> u64 {
        id + fresh()
    }
    #[memoize]
    #[invalidates(find(id))]
    fn one(id: u64) -> u64 {
        id + fresh()
    }
    #[invalidates(find(id))]
    #[memoize]
    fn other(id: u64) -> u64 {
        id + fresh()
    }
    let mut last = find(1);
    let runs: [fn(u64) -> u64; 4] = [one, other, |id| skip_cache!(one(id)), |id| skip_cache!(other(id))];
    for run in runs {
        run(1);
        let next = find(1);
        assert_ne!(next, last);
        last = next;
    }
    assert_eq!((counts(one), counts(other)), ((0, 1, 1), (0, 1, 1)));
}

#[test]
fn generic_functions_are_invalidated_by_instantiation() {
    #[memoize]
    fn find<T>(id: u64) -> u64 {
        id + fresh()
    }
    #[invalidates(find::<T>(id))]
    fn update<T>(id: u64) {
        let _ = id;
    }
    let before = (find::<u8>(1), find::<u16>(1));
    update::<u8>(1);
    assert_ne!(find::<u8>(1), before.0);
    assert_eq!(find::<u16>(1), before.1);
}

#[test]
fn tags_can_be_arguments_that_the_body_consumes() {
    #[memoize(tag = name)]
    fn find(name: &str) -> u64 {
        name.len() as u64 + fresh()
    }
    #[invalidates(tag = name, tags = others)]
    fn update(name: String, others: Vec<String>) -> (Vec<u8>, Vec<String>) {
        (name.into_bytes(), others)
    }
    let first = [find("invalidated a"), find("invalidated b")];
    update("invalidated a".into(), vec!["invalidated b".into()]);
    assert!(find("invalidated a") != first[0] && find("invalidated b") != first[1]);
}
