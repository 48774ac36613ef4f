use memo::memoize;

#[derive(Clone)]
struct Word<'a>(&'a str);

#[memoize]
fn find(name: &str) -> Word {
    Word(name)
}

fn main() {
    let _ = find("").0;
}
