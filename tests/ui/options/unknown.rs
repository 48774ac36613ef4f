use memo::memoize;

#[memoize(shiny = 1)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
