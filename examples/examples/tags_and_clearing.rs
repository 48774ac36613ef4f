//! Removing what is no longer true: one entry, one function, a group of entries, everything.

use memo::{Clear, cache_delete, invalidates, memoize};

/// A literal tag, and one that is made of an argument.
#[memoize(tags = ["users", format!("user:{id}")])]
fn profile(id: u64) -> String {
    println!("  profile of {id}");
    format!("user {id}")
}

/// Tags that only the result knows: an order belongs to the user who made it.
#[memoize(tags = |order| [format!("user:{}", order.user), "orders".to_owned()])]
fn order(number: u64) -> Order {
    println!("  order {number}");
    Order { user: number % 10, total: number * 3 }
}

#[derive(Clone)]
struct Order {
    user: u64,
    total: u64,
}

#[memoize(tag = "users")]
fn user_count() -> usize {
    println!("  counting users");
    1_000
}

/// A function that changes something names the entries that it makes wrong. They go when it has returned `Ok`.
#[invalidates(profile(id), user_count())]
fn delete_user(id: u64) -> Result<(), &'static str> {
    if id == 0 { Err("nobody can delete user 0") } else { Ok(()) }
}

fn fill() -> (String, u64, usize) {
    println!("asking for everything:");
    profile(8);
    (profile(7), order(17).total, user_count())
}

fn main() -> Result<(), memo::Error> {
    let before = fill();
    assert_eq!(fill(), before);
    println!("(the second time nothing was computed)\n");

    // A group, across functions: the profile of user 7, and the order that is theirs.
    assert_eq!(memo::clear_tag("user:7")?.removed(), 2);
    fill();

    // One entry.
    assert!(cache_delete!(profile(8))?);
    assert!(!cache_delete!(profile(8))?, "it is gone already");

    // By a function that was successful, and not by one that failed.
    fill();
    assert!(delete_user(0).is_err());
    assert_eq!(memo::cache_info(user_count).size, 1);
    assert!(delete_user(7).is_ok());
    assert_eq!(memo::cache_info(user_count).size, 0);
    assert_eq!(memo::cache_info(profile).size, 1, "user 8 is still there");

    // All conditions of a `Clear` hold together: entries that are tagged with both.
    fill();
    let cleared = Clear::new().tag("users").tag("user:8").run()?;
    assert_eq!(cleared.removed(), 1);
    let error = Clear::new().run().expect_err("an empty selection is a mistake, not `everything`");
    println!("\n{error}\n");

    // One function; everything.
    assert_eq!(memo::cache_clear(order)?.removed(), 1);
    memo::clear_all()?;
    assert!(memo::functions().iter().all(|function| function.size == 0));
    fill();
    Ok(())
}
