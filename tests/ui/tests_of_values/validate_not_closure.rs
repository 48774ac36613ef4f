use memo::memoize;

#[memoize(validate = "1h")]
fn find(id: u64) -> String {
    id.to_string()
}

fn main() {
    find(1);
}
