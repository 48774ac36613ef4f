use memo::memoize;

#[memoize]
fn find(name: &str) -> Option<Vec<&str>> {
    Some(vec![name])
}

fn main() {
    find("");
}
