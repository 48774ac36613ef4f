use memo::memoize;

#[memoize(ttl = |user| user.len().to_string())]
fn find(name: String) -> String {
    name
}

fn main() {
    find(String::new());
}
