use memo::invalidates;

#[invalidates(function = find)]
fn save(id: u64) -> u64 {
    id
}

fn main() {
    save(1);
}
