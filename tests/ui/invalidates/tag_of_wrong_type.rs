use memo::invalidates;

#[invalidates(tag = id)]
fn save(id: u64) -> u64 {
    id
}

fn main() {
    save(1);
}
