use memo::invalidates;

#[invalidates(tga = "users", find, 7)]
fn save(id: u64) -> u64 {
    id
}

fn main() {
    save(1);
}
