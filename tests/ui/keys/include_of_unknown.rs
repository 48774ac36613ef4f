use memo::memoize;

#[memoize(include(_conection))]
fn find(_connection: u8, id: u64) -> u64 {
    id
}

fn main() {
    find(1, 1);
}
