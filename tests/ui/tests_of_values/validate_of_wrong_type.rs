use memo::memoize;

#[memoize(validate = |entry| entry.age())]
fn find(id: u64) -> String {
    id.to_string()
}

fn main() {
    find(1);
}
