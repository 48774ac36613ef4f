//! Row 16: tags from literals, arguments and values.

use std::time::{Duration, Instant};

use memo::{cache_entry, cache_get, cache_set, clear_tag, memoize};
use memo_tests::fresh;

fn removed(tag: &str) -> u64 {
    clear_tag(tag).expect("memory").removed()
}

#[test]
fn a_literal_tag_clears_the_function() {
    #[memoize(tag = "literal")]
    fn cached(n: u64) -> u64 {
        n + fresh()
    }
    let first = (cached(1), cached(2));
    assert_eq!(removed("literal"), 2);
    assert_eq!(removed("literal"), 0);
    assert!(cached(1) != first.0 && cached(2) != first.1);
    assert_eq!(memo::cache_info(cached).invalidations, 2);
}

#[test]
fn tags_of_arguments_clear_their_entries() {
    #[memoize(tags = ["arguments", format!("argument:{id}")], exclude(at))]
    fn cached(id: u64, at: u64) -> u64 {
        id + at + fresh()
    }
    #[memoize(tag = format!("argument:{id}"))]
    fn other(id: u64) -> u64 {
        id + fresh()
    }
    for id in 1..=3 {
        let _ = (cached(id, 0), other(id));
    }
    assert_eq!(removed("argument:2"), 2);
    assert_eq!([1, 2, 3].map(|id| cache_get!(cached(id, 0)).is_some()), [true, false, true]);
    assert_eq!([1, 2, 3].map(|id| cache_get!(other(id)).is_some()), [true, false, true]);
    assert_eq!(removed("arguments"), 2);
    assert!(cache_get!(other(1)).is_some());
}

#[test]
fn tags_of_the_value_clear_their_entries() {
    #[derive(Clone)]
    struct User {
        teams: Vec<String>,
    }
    #[memoize(tags = |user| user.teams.clone())]
    fn by_list(n: u8) -> User {
        User { teams: (0..n).map(|team| format!("team:{team}")).collect() }
    }
    #[memoize(tag = |user| format!("count:{}", user.teams.len()))]
    fn by_one(n: u8) -> Result<User, String> {
        Ok(User { teams: vec![String::new(); n.into()] })
    }
    #[memoize(tags = |_text| ["value", "second"], tags = |text| Some(text.clone()))]
    fn by_array(text: &str) -> String {
        let _ = text;
        text.to_owned()
    }
    for n in 0..3 {
        let _ = (by_list(n), by_one(n).ok());
    }
    by_array("mine");
    assert_eq!(removed("team:1"), 1);
    assert_eq!([0, 1, 2].map(|n| cache_get!(by_list(n)).is_some()), [true, true, false]);
    assert_eq!(removed("count:1"), 1);
    assert_eq!([0, 1, 2].map(|n| cache_get!(by_one(n)).is_some()), [true, false, true]);
    assert_eq!(removed("mine"), 1);
}

#[test]
fn all_kinds_of_tags_combine() {
    #[memoize(tag = "combined", tags = [format!("combined:{id}"), "both".to_owned()], tags = |value| [format!("is:{value}")], tag = second)]
    fn cached(id: u64, second: &str) -> String {
        format!("{id}{second}")
    }
    cached(1, "x");
    let entry = cache_entry!(cached(1, "x")).expect("stored");
    let mut tags: Vec<_> = entry.tags().collect();
    tags.sort_unstable();
    assert_eq!(tags, ["both", "combined", "combined:1", "is:1x", "x"]);
    for tag in ["combined", "combined:1", "both", "is:1x", "x"] {
        cached(1, "x");
        assert_eq!(removed(tag), 1, "{tag}");
    }
}

#[test]
fn a_value_that_is_set_has_its_tags() {
    #[memoize(tags = [format!("set:{id}")], tags = |value| [format!("set-value:{value}")])]
    fn cached(id: u64) -> u64 {
        id + fresh()
    }
    for tag in ["set:1", "set-value:7"] {
        cache_set!(cached(1), 7).expect("memory");
        assert_eq!(cached(1), 7);
        assert_eq!(removed(tag), 1);
        assert_eq!(cache_get!(cached(1)), None);
    }
}

#[test]
fn replacing_a_value_replaces_its_tags() {
    #[memoize(tags = |value| [format!("replaced:{value}")])]
    fn cached(id: u64) -> u64 {
        id
    }
    cached(1);
    cache_set!(cached(1), 2).expect("memory");
    assert_eq!(removed("replaced:1"), 0);
    assert_eq!(cache_get!(cached(1)), Some(2));
    assert_eq!(removed("replaced:2"), 1);
}

#[test]
fn tag_names_mean_nothing_but_themselves() {
    #[memoize(tags = [tag])]
    fn cached(tag: &str) -> u64 {
        tag.len() as u64 + fresh()
    }
    let names = ["*", "a*", "a|b", "a", "b", "a b", " ", "", "ü", "ü\u{308}", "%", "a,b", "\0", "[a]", "A", "日本"];
    for name in names {
        cached(name);
    }
    for (at, name) in names.iter().enumerate() {
        assert_eq!(removed(name), 1, "{name:?}");
        let present = names.iter().filter(|name| cache_get!(cached(name)).is_some()).count();
        assert_eq!(present, names.len() - at - 1, "{name:?}");
    }
}

#[test]
fn functions_without_the_tag_keep_their_entries() {
    #[memoize]
    fn untagged(n: u64) -> u64 {
        n + fresh()
    }
    #[memoize(tags = [format!("kept:{n}")])]
    fn tagged(n: u64) -> u64 {
        n + fresh()
    }
    let first = (untagged(1), tagged(1));
    assert_eq!(removed("untagged"), 0);
    assert_eq!(removed("kept:2"), 0);
    assert_eq!(removed("kept"), 0);
    assert_eq!((untagged(1), tagged(1)), first);
}

#[test]
fn a_tag_given_twice_is_one() {
    #[memoize(tags = ["twice", "twice"], tags = [format!("twice")])]
    fn cached(n: u64) -> u64 {
        n
    }
    cached(1);
    assert_eq!(removed("twice"), 1);
    assert_eq!(removed("twice"), 0);
}

#[test]
fn tags_of_several_types_are_texts() {
    #[memoize(tags = own.iter())]
    fn cached(own: Vec<String>) -> usize {
        own.len()
    }
    #[memoize(tag = std::borrow::Cow::Borrowed(text))]
    fn cow(text: &str) -> usize {
        text.len()
    }
    cached(vec!["types:a".into(), "types:b".into()]);
    cow("types:b");
    assert_eq!(clear_tag(String::from("types:b")).expect("memory").removed(), 2);
    cached(vec!["types:a".into()]);
    assert_eq!(clear_tag(memo::Tag::from("types:a")).expect("memory").removed(), 1);
}

#[test]
fn async_functions_have_tags() {
    #[memoize(tags = [format!("async:{n}")], tags = |value| [format!("async-value:{value}")])]
    async fn cached(n: u64) -> Result<u64, String> {
        Ok(n)
    }
    smol::block_on(async {
        cached(1).await.ok();
        assert_eq!(removed("async:1"), 1);
        cached(1).await.ok();
        assert_eq!(removed("async-value:1"), 1);
    });
}

#[test]
fn clearing_a_tag_takes_no_longer_when_there_are_more_other_entries() {
    #[memoize(tags = [format!("cost:{}", n % 100_000)])]
    fn cached(n: u64) -> u64 {
        n
    }
    let time = |from: u64| {
        let start = Instant::now();
        for n in from..from + 50 {
            removed(&format!("cost:{n}"));
        }
        start.elapsed()
    };
    for n in 0..200 {
        cached(n);
    }
    let few = (0..3).map(|i| time(i * 50)).min();
    for n in 0..100_000 {
        cached(n);
    }
    let many = (0..3).map(|i| time(i * 50)).min();
    let ratio = many.unwrap_or_default().as_secs_f64() / few.unwrap_or_default().as_secs_f64();
    assert!(ratio < 50.0, "500 times the entries, {ratio} times the time");
}

#[test]
fn arguments_that_the_body_consumes_can_be_tags() {
    #[memoize(tag = name)]
    fn cached(name: String) -> (Vec<u8>, u64) {
        (name.into_bytes(), fresh())
    }
    #[memoize(tags = names, exclude(names), ttl = ttl)]
    fn several(names: Vec<String>, ttl: Duration) -> (Vec<String>, Duration, u64) {
        (names, ttl, fresh())
    }
    #[memoize(tags = [name, format!("{team}:tag")], key = (name, team))]
    async fn later((name, _): (String, u8), team: String) -> (String, String, u64) {
        (name, team, fresh())
    }
    let first = cached("consumed".into());
    assert_eq!(cache_get!(cached("consumed".into())), Some(first.clone()));
    assert_eq!(removed("consumed"), 1);
    assert_ne!(cached("consumed".into()), first);

    let names = || vec!["consumed too".to_owned()];
    let first = several(names(), Duration::from_secs(9));
    assert_eq!(several(names(), Duration::from_secs(9)), first);
    cache_set!(several(names(), Duration::from_secs(8)), first).expect("memory");
    assert_eq!(removed("consumed too"), 2);

    let call = |n| smol::block_on(later(("consumed later".into(), n), "blue".into()));
    assert_eq!(call(1), call(2));
    assert_eq!(removed("blue:tag"), 1);
    call(1);
    assert_eq!(removed("consumed later"), 1);
}
