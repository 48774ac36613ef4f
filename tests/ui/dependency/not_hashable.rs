use memo::memoize;

#[memoize(dependency = memo::probe::value(0.5))]
fn read(path: &str) -> String {
    path.to_owned()
}

fn main() {
    read("a");
}
