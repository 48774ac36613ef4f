use memo::memoize;

#[memoize]
async fn find(name: &str) -> &str {
    name
}

fn main() {
    drop(find(""));
}
