use memo::memoize;

#[memoize(include(name.len()))]
fn find(name: &str, id: u64) -> u64 {
    id + name.len() as u64
}

fn main() {
    find("", 1);
}
