use memo::memoize;

#[memoize(exclude = logger)]
fn find(logger: &str, id: u64) -> u64 {
    id + logger.len() as u64
}

fn main() {
    find("", 1);
}
