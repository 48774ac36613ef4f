use memo::memoize;

#[memoize(dependency)]
fn read(path: &str) -> String {
    path.to_owned()
}

fn main() {
    read("a");
}
