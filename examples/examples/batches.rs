//! Several keys at once: one query for those that nobody has asked for yet.

use std::collections::HashMap;

use memo::{cache_delete, cache_info, memoize};

/// Stands for a table of a database.
struct Users(HashMap<u64, &'static str>);

impl Users {
    fn query(&self, ids: &[u64]) -> HashMap<u64, String> {
        println!("  select name from users where id in {ids:?}");
        ids.iter().filter_map(|id| Some((*id, (*self.0.get(id)?).to_owned()))).collect()
    }
}

/// Every id has an entry of its own; the body sees those that are missing, once each.
#[memoize(each = ids, exclude(users), ttl = "5m", tag = format!("user:{ids}"))]
fn names(users: &Users, ids: &[u64]) -> HashMap<u64, String> {
    users.query(ids)
}

/// With an `Option` for each key, that there is none is known, too.
#[memoize(each = ids, exclude(users), none_ttl = "10s")]
fn lengths(users: &Users, ids: &[u64]) -> Vec<Option<usize>> {
    let names = users.query(ids);
    ids.iter().map(|id| names.get(id).map(String::len)).collect()
}

fn main() -> Result<(), memo::Error> {
    let users = Users(HashMap::from([(1, "ada"), (2, "bob"), (3, "grace")]));

    println!("three users, one of them twice:");
    assert_eq!(names(&users, &[2, 1, 2]).len(), 2);
    println!("two more, of which one is new:");
    assert_eq!(names(&users, &[1, 3])[&3], "grace");

    // An address is that of one key.
    assert!(cache_delete!(names(_, &1))?);
    memo::clear_tag("user:2")?;
    println!("after two of them changed:");
    names(&users, &[1, 2, 3]);

    println!("of one that is not there:");
    assert_eq!(lengths(&users, &[3, 9]), [Some(5), None]);
    assert_eq!(lengths(&users, &[9, 3]), [None, Some(5)]);

    let info = cache_info(names);
    println!("{} hits, {} misses", info.hits, info.misses);
    assert_eq!((info.hits, info.misses), (3, 5));
    Ok(())
}
