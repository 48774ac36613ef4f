use memo::memoize;

#[memoize]
async fn find(counter: &mut u64) -> u64 {
    *counter += 1;
    *counter
}

fn main() {
    drop(find(&mut 0));
}
