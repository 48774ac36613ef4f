use memo::memoize;

#[memoize(dependency = path.len())]
fn read(path: &str) -> String {
    path.to_owned()
}

fn main() {
    read("a");
}
