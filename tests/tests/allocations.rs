//! Row 4: a hit on borrowed arguments allocates nothing but the clone of the value; in LMDB, nothing but its key as text.

use std::{
    borrow::Cow,
    hint::black_box,
    path::Path,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use memo::{backend::register_backend, memoize};
use memo_tests::lmdb;

/// A global allocator that counts the allocations of each thread.
mod counting {
    #![allow(unsafe_code, reason = "an allocator can't be written without; it only counts and passes on")]

    use std::{
        alloc::{GlobalAlloc, Layout, System},
        cell::Cell,
    };

    struct Counting;

    #[global_allocator]
    static COUNTING: Counting = Counting;

    thread_local! {
        static COUNT: Cell<usize> = const { Cell::new(0) };
    }

    fn count() {
        // While a thread ends its count is gone; nothing is measured then.
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
    }

    // SAFETY: every method passes its arguments on to the system's allocator unchanged, under the same conditions.
    // Counting does not allocate: the cell is initialised at compile time and has no destructor.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            count();
            // SAFETY: the caller keeps the conditions of `alloc`.
            unsafe { System.alloc(layout) }
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            count();
            // SAFETY: the caller keeps the conditions of `alloc_zeroed`.
            unsafe { System.alloc_zeroed(layout) }
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            count();
            // SAFETY: the caller keeps the conditions of `realloc`.
            unsafe { System.realloc(block, layout, size) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the caller keeps the conditions of `dealloc`; the block came from the same allocator.
            unsafe { System.dealloc(block, layout) }
        }
    }

    /// How often the calling thread has allocated so far.
    pub(crate) fn so_far() -> usize {
        COUNT.get()
    }
}

/// The allocations of one hit, the same for 1,000 of them.
fn of_a_hit<T>(mut call: impl FnMut() -> T) -> usize {
    // The first calls make what a thread keeps of a function: the front, the cells of its counters.
    for _ in 0..100 {
        black_box(call());
    }
    let before = counting::so_far();
    for _ in 0..1000 {
        black_box(call());
    }
    let all = counting::so_far() - before;
    assert_eq!(all % 1000, 0, "{all} allocations in 1000 hits");
    all / 1000
}

/// A future that is ready at its first poll, as that of a hit.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a hit waits for nobody"),
    }
}

#[test]
fn the_allocator_counts() {
    assert_eq!(of_a_hit(|| Box::new(1)), 1);
    assert_eq!(of_a_hit(|| "text".len()), 0);
}

#[memoize(ttl = 300, max_entries = 1000, tag = "names")]
fn text(name: &str, n: u32) -> String {
    format!("{name} {n}")
}

#[memoize(ttl = 300, max_entries = 1000, tag = "names")]
fn shared(name: &str, n: u32) -> Arc<str> {
    format!("{name} {n}").into()
}

#[memoize(ttl = 300, max_entries = 1000, tag = "names")]
fn length(name: &str, n: u32) -> u64 {
    name.len() as u64 + u64::from(n)
}

#[memoize]
fn plain(n: u64) -> u64 {
    n
}

#[test]
fn only_the_clone_of_the_value_allocates() {
    assert_eq!(of_a_hit(|| text(black_box("a name of some length"), 7)), 1);
    assert_eq!(of_a_hit(|| shared(black_box("a name of some length"), 7)), 0);
    assert_eq!(of_a_hit(|| length(black_box("a name of some length"), 7)), 0);
    assert_eq!(of_a_hit(|| plain(black_box(7))), 0);
    let info = memo::cache_info(text);
    assert_eq!((info.misses, info.hits), (1, 1099));
}

#[test]
fn a_hit_on_many_keys_allocates_nothing() {
    (0..500).for_each(|n| drop(shared("many", n)));
    let mut n = 0;
    let one_of_many = || {
        n = (n + 1) % 500;
        shared("many", n)
    };
    assert_eq!(of_a_hit(one_of_many), 0);
}

#[memoize]
async fn text_async(name: &str, n: u32) -> String {
    format!("{name} {n}")
}

#[memoize(ttl = 300, max_entries = 1000)]
async fn shared_async(name: &str, n: u32) -> Result<Arc<str>, String> {
    Ok(format!("{name} {n}").into())
}

#[memoize]
async fn length_async(name: &str) -> u64 {
    name.len() as u64
}

#[test]
fn async_hits_do_the_same() {
    assert_eq!(of_a_hit(|| ready(text_async(black_box("a name of some length"), 7))), 1);
    assert_eq!(of_a_hit(|| ready(shared_async(black_box("a name of some length"), 7))), 0);
    assert_eq!(of_a_hit(|| ready(length_async(black_box("a name of some length")))), 0);
}

#[memoize]
fn slices(bytes: &[u8], texts: &[&str], path: &Path) -> u64 {
    (bytes.len() + texts.len() + path.components().count()) as u64
}

#[memoize]
fn options(name: Option<&str>, cow: Cow<'_, str>, pair: (&str, f64)) -> u64 {
    (name.map_or(0, str::len) + cow.len() + pair.0.len()) as u64
}

#[memoize]
fn by_reference(owned: &String, list: &Vec<String>) -> u64 {
    (owned.len() + list.len()) as u64
}

#[test]
fn all_borrowed_forms_are_looked_up_as_they_are() {
    let (owned, list) = ("a name of some length".to_owned(), vec!["one".to_owned(), "two".to_owned()]);
    let texts: Vec<&str> = list.iter().map(String::as_str).collect();
    assert_eq!(of_a_hit(|| slices(black_box(b"bytes"), black_box(&texts), Path::new("/some/path"))), 0);
    assert_eq!(of_a_hit(|| options(Some(black_box("name")), Cow::Borrowed(&owned), ("pair", 0.5))), 0);
    assert_eq!(of_a_hit(|| by_reference(black_box(&owned), black_box(&list))), 0);
}

struct Repo {
    tenant: String,
}

impl Repo {
    #[memoize(include(self.tenant))]
    fn count(&self, name: &str) -> u64 {
        (self.tenant.len() + name.len()) as u64
    }
}

#[test]
fn methods_with_parts_of_their_receiver_do_the_same() {
    let repo = Repo { tenant: "a tenant of some length".to_owned() };
    assert_eq!(of_a_hit(|| repo.count(black_box("name"))), 0);
}

#[memoize(max_entries = 100, policy = "lru", ttl = 300, sliding)]
fn lru(name: &str) -> Arc<str> {
    name.into()
}

#[memoize(max_entries = 100, policy = "lfu")]
fn lfu(name: &str) -> Arc<str> {
    name.into()
}

#[memoize(max_weight = 100, weigh = |_, _| 1, policy = "fifo", tags = [format!("name {name}")])]
fn fifo(name: &str) -> Arc<str> {
    name.into()
}

#[memoize(validate = |entry| entry.value().len() > 1, tag = "valid")]
fn validated(name: &str) -> Arc<str> {
    name.into()
}

#[memoize(wait_timeout = 5, on_timeout = "fail")]
fn fallible(name: &str) -> Result<Arc<str>, memo::Error> {
    Ok(name.into())
}

#[memoize(scope = "thread")]
fn per_thread(name: &str) -> std::rc::Rc<str> {
    name.into()
}

#[test]
fn options_add_no_allocation() {
    assert_eq!(of_a_hit(|| lru(black_box("name"))), 0, "lru, sliding");
    assert_eq!(of_a_hit(|| lfu(black_box("name"))), 0, "lfu");
    assert_eq!(of_a_hit(|| fallible(black_box("name"))), 0, "on_timeout");
    assert_eq!(of_a_hit(|| per_thread(black_box("name"))), 0, "thread scope");
}

#[test]
fn looking_at_an_entry_adds_no_allocation() {
    assert_eq!(of_a_hit(|| validated(black_box("name"))), 0);
}

#[test]
fn tags_from_arguments_are_not_made_for_a_hit() {
    assert_eq!(of_a_hit(|| fifo(black_box("name"))), 0);
}

#[memoize(backend = "allocations-lmdb://", tag = "stored")]
fn stored(name: &str, n: u32) -> u64 {
    name.len() as u64 + u64::from(n)
}

#[test]
fn a_hit_in_lmdb_allocates_its_key() {
    let dir = lmdb::new_dir();
    let url = lmdb::url(dir.path(), "");
    register_backend("allocations-lmdb", move |_| Ok(Arc::new(lmdb::try_open(&url)?))).expect("this test's own");
    assert_eq!(of_a_hit(|| stored(black_box("name"), 7)), 1);
    let info = memo::cache_info(stored);
    assert_eq!((info.misses, info.hits, info.errors), (1, 1099, 0));
}
