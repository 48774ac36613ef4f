//! Row 87: views of other types over the stores of a cache, each in its namespace.

use memo::{Cache, clock::TestClock};
use std::time::Duration;

type Users = Cache<u64, String>;

#[test]
fn a_view_is_a_namespace_of_its_own() {
    let dir = tempfile::tempdir().expect("a directory");
    for url in ["sqlite", "lmdb", "file"].map(|scheme| format!("{scheme}://{}/{scheme}", dir.path().display())) {
        let users = Users::open("users", &url).expect("opens");
        let ages = users.view::<String, u8>("ages").build().expect("builds");
        let deeper = ages.view::<u64, u64>("deeper").build().expect("builds");
        users.set(1, "ada".to_owned()).expect("set");
        ages.set_many([("ada".to_owned(), 36), ("bob".to_owned(), 41)]).expect("set");
        deeper.set(1, 2).expect("set");
        let sizes = || (users.len().expect("counted"), ages.len().expect("counted"), deeper.len().expect("counted"));
        assert_eq!(sizes(), (1, 2, 1));
        assert_eq!(users.clear().expect("cleared"), 1);
        assert_eq!(sizes(), (0, 2, 1), "the view is not cleared with its parent");
        users.set(1, "ada".to_owned()).expect("set");
        assert_eq!(ages.clear().expect("cleared"), 2);
        assert_eq!(sizes(), (1, 0, 1), "nor the parent with its view");
        assert_eq!(deeper.iter().expect("enumerated").collect::<Vec<_>>(), [(1, 2)]);
    }
}

#[test]
fn a_view_is_found_again_by_its_whole_name() {
    let users = Users::open("parent", "memory://whole-name").expect("opens");
    let view = users.view::<u8, u8>("child").build().expect("builds");
    view.set(1, 2).expect("set");
    let child = Cache::<u8, u8>::open("parent:child", "memory://whole-name").expect("opens");
    assert_eq!(child.get(&1).expect("read"), Some(2));
    assert_eq!(view.stats().name, "parent:child");
}

#[test]
fn both_use_one_store() {
    let users = Users::open("users", "memory://one-store").expect("opens");
    let ages = users.view::<u8, u8>("ages").build().expect("builds");
    users.set(1, "ada".to_owned()).expect("set");
    ages.set(1, 2).expect("set");
    // A store in memory is gone with the last that holds it: what one sees, all see.
    let store = memo::backend("memory://one-store").expect("open already");
    let counts = [&b"users|"[..], b"users:ages|", b""].map(|prefix| store.count(prefix).expect("counted"));
    assert_eq!(counts, [1, 1, 2]);
    drop(store);
    drop(users);
    assert_eq!(ages.get(&1).expect("read"), Some(2), "the store stays open for the view");
}

#[test]
fn raw_bytes_stay_as_they_are() {
    let urls =
        ["memory://raw", "memory://raw-json?codec=json", "memory://raw-zstd?codec=json+zstd&level=9&max_value=1KiB"];
    for url in urls {
        let users = Users::open("users", url).expect("opens");
        let pictures = users.view::<u64, Vec<u8>>("pictures").codec("raw").build().expect("builds");
        let picture: Vec<u8> = (0..=255).collect();
        pictures.set(7, picture.clone()).expect("set");
        assert_eq!(pictures.get(&7).expect("read").as_ref(), Some(&picture));
        let limit = if url.contains("max_value") { "raw?max_value=1024" } else { "raw" };
        assert_eq!(pictures.stats().codec.as_deref(), Some(limit), "what is said of the store stays");
        let mut found = false;
        let place = url.split('?').next().expect("a URL");
        let show = |_: &[u8], bytes: &[u8]| {
            found |= bytes.windows(picture.len()).any(|window| window == picture);
            std::ops::ControlFlow::Continue(())
        };
        memo::backend(place).expect("open already").scan(b"users:pictures|", &mut { show }).expect("scanned");
        assert!(found, "the bytes stand in the store");
        users.set(7, "ada".to_owned()).expect("set");
        assert_eq!(users.get(&7).expect("read").as_deref(), Some("ada"));
        let codec = users.stats().codec.expect("there are stores");
        assert!(!codec.starts_with("raw"), "the parent keeps its codec: {codec}");
    }
}

#[test]
fn a_view_has_the_terms_of_its_parent_or_its_own() {
    let users = Users::builder("users")
        .backends(["memory", "memory://terms-of-views"])
        .codec("json")
        .ttl(10)
        .max_entries(3)
        .max_weight(5, |_, name| name.len() as u64)
        .build()
        .expect("builds");
    let same = users.view::<u8, u8>("same").build().expect("builds");
    let other = users.view::<u8, u8>("other").ttl(100).codec("postcard").build().expect("builds");
    let stats = same.stats();
    assert_eq!((&*stats.backend, stats.codec.as_deref()), ("memory+memory", Some("json")));
    assert_eq!((stats.max_entries, stats.max_weight), (Some(3), None), "weights are of the parent's types");
    assert_eq!(other.stats().codec.as_deref(), Some("postcard"));
    let clock = TestClock::install();
    same.set(1, 1).expect("set");
    other.set(1, 1).expect("set");
    clock.advance(Duration::from_secs(20));
    assert_eq!((same.get(&1).expect("read"), other.get(&1).expect("read")), (None, Some(1)));
}

#[test]
fn names_of_views_are_checked() {
    let users = Users::open("users", "memory://names-of-views").expect("opens");
    for name in ["", "a/b", "..", "a|b"] {
        let error = users.view::<u8, u8>(name).build().expect_err(name);
        assert!(error.is_config() && error.to_string().contains("name of a cache"), "{error}");
    }
}

#[tokio::test]
async fn tasks_have_views() {
    let users: memo::aio::Cache<u64, String> =
        Users::builder("tasks").backend("memory://views-of-tasks").build().expect("builds").into();
    let ages: memo::aio::Cache<u8, u8> = users.view("ages").build().expect("builds").into();
    ages.set(1, 2).await.expect("set");
    users.clear().await.expect("cleared");
    assert_eq!(ages.get(&1).await.expect("read"), Some(2));
}
