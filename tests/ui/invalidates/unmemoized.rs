use memo::invalidates;

fn find(id: u64) -> u64 {
    id
}

#[invalidates(find(id))]
fn save(id: u64) -> u64 {
    id
}

fn main() {
    find(save(1));
}
