use memo::memoize;

#[memoize(dependency = memo::probe::file_mtime(file))]
fn read(path: &str) -> String {
    path.to_owned()
}

fn main() {
    read("a");
}
