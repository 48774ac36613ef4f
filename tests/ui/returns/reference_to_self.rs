use memo::memoize;

struct Repo {
    name: String,
}

impl Repo {
    #[memoize(include(self.name))]
    fn find(&self) -> &str {
        &self.name
    }
}

fn main() {
    Repo { name: String::new() }.find();
}
