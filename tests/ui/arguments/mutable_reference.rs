use memo::memoize;

#[memoize]
fn find(counter: &mut u64, id: u64) -> u64 {
    *counter += 1;
    id
}

fn main() {
    find(&mut 0, 1);
}
