use memo::memoize;

#[memoize(dependency = |path| memo::probe::file_mtime(path))]
fn read(path: &str) -> String {
    path.to_owned()
}

fn main() {
    read("a");
}
