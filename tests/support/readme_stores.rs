use memo::{Cache, memoize};

#[memoize(backend = "sqlite://cache.db?codec=bincode+zstd", tag = "reports", ttl = "1d")]
fn report(year: u16) -> Vec<u32> {
    (1..=12).map(|month| u32::from(year) * month).collect() // something slow
}

#[memoize(backend = ["memory", "file://cache"])]
fn thumbnail(path: &str) -> Vec<u8> {
    path.bytes().rev().collect()
}

fn main() -> Result<(), memo::Error> {
    report(2026); // computed once, whatever happens to this process afterwards
    thumbnail("a.png");

    // The same machinery without the attribute.
    let sessions = Cache::<String, u64>::open("sessions", "sqlite://cache.db")?;
    sessions.set("ada".to_owned(), 7)?;
    assert_eq!(sessions.get("ada")?, Some(7));
    assert_eq!(sessions.get_or_compute("bob", || 8)?, 8);
    sessions.set_many([("eve".to_owned(), 9), ("mia".to_owned(), 10)])?; // both or none
    assert_eq!(sessions.get_many(["mia", "joe", "eve"])?, [Some(10), None, Some(9)]);

    let avatars = sessions.view::<String, Vec<u8>>("avatars").build()?; // other types in the same file
    avatars.set("ada".to_owned(), vec![1, 2, 3])
}
