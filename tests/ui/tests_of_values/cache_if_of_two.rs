use memo::memoize;

#[memoize(cache_if = |id, user| user.len() > id)]
fn find(id: usize) -> String {
    id.to_string()
}

fn main() {
    find(1);
}
