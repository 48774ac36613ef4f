//! Tests of the option parser.

use super::*;

fn parse(text: &str) -> (Options, Result<(), String>) {
    let cx = Ctxt::new();
    let options = Options::parse(&cx, text.parse().expect("tokens"));
    let result = cx.finish().map_err(|errors| errors.to_string());
    (options, result)
}

fn error(text: &str) -> String {
    parse(text).1.expect_err(text)
}

#[test]
fn reads_the_documented_forms() {
    let (options, result) = parse(
        r#"ttl = "5m", tag = "users", tags = [format!("user:{id}"), "eu"], exclude(logger, self),
           include(self.tenant), cache_if = |k, v| v > k, cache_if = Option::is_some, sliding, max_entries = 10_000,
           policy = "lru", key = (a, b), single_flight = false, scope = "thread", crate = "a::b", handle = UserCache,"#,
    );
    assert_eq!(result, Ok(()));
    assert!(matches!(options.ttl.value(), Some(Lifetime::Fixed(300_000))));
    assert!(matches!(options.max_entries.value(), Some(Bound::Fixed(10_000))));
    assert_eq!(
        (options.tags.len(), options.exclude.len(), options.include.len(), options.cache_if.len()),
        (3, 2, 1, 2)
    );
    assert!(options.sliding.is_given() && !options.jitter.is_given());
    assert_eq!(options.private().to_string(), "a :: b :: __private");
}

#[test]
fn tells_expressions_from_closures() {
    let kind = |text: &str| parse(text).0;
    assert!(matches!(kind("ttl = Duration::from_secs(id)").ttl.value(), Some(Lifetime::Expr(_))));
    assert!(matches!(kind("ttl = |v| v.ttl").ttl.value(), Some(Lifetime::PerValue(_))));
}

#[test]
fn suggests_or_lists() {
    assert!(error("tll = 3").contains("unknown option `tll`, did you mean `ttl`?"));
    assert!(error("backpack = \"x\"").contains("the options are `ttl`"));
}

#[test]
fn twice_names_both() {
    let text = error("ttl = 60, ttl = 300");
    assert!(text.contains("first as `ttl = 60` and here as `ttl = 300`"), "{text}");
}

#[test]
fn one_error_does_not_hide_the_next() {
    let text = error("tll = |a, b| a + b, max_entries = 0, policy = \"mru\", 300, sliding = true");
    for part in ["`tll`", "would store nothing", "\\\"mru\\\"", "expected an option", "`sliding` is a flag"] {
        if part == "\\\"mru\\\"" {
            assert!(text.contains("mru"), "{text}");
        } else {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
    assert_eq!(text.matches("compile_error").count(), 5, "{text}");
}

#[test]
fn a_wrong_value_still_counts_as_given() {
    let (options, result) = parse("ttl = \"5 minutes\"");
    assert!(result.is_err() && options.ttl.is_given() && options.ttl.value().is_none());
}

#[test]
fn ranges() {
    for text in [
        "jitter = 1.5",
        "jitter = -0.1",
        "jitter = 30",
        "jitter = 1e999",
        "ttl = -5",
        "max_weight = 0",
        "scope = \"request\"",
        "single_flight = \"everywhere\"",
    ] {
        error(text);
    }
    for text in [
        "jitter = 0.0",
        "jitter = 1",
        "jitter = \"30s\"",
        "ttl = 0",
        "max_entries = MAX",
        "single_flight = \"distributed\"",
    ] {
        assert_eq!(parse(text).1, Ok(()), "{text}");
    }
}
