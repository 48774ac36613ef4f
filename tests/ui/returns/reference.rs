use memo::memoize;

#[memoize]
fn find(name: &str) -> &str {
    name
}

fn main() {
    find("");
}
