use memo::memoize;

#[memoize(ttl = name)]
fn find(name: String) -> usize {
    name.len()
}

fn main() {
    find(String::new());
}
