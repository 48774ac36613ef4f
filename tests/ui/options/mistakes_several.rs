use memo::memoize;

#[memoize(ttl = -1, max_entries = 0, polisy = "lru", exclude(loger), scope = "galaxy")]
fn find(logger: &str, id: u64) -> u64 {
    id + logger.len() as u64
}

fn main() {
    find("", 1);
}
