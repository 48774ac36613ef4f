use memo::memoize;

#[memoize(dependency = "settings.toml")]
fn read(path: &str) -> String {
    path.to_owned()
}

fn main() {
    read("a");
}
