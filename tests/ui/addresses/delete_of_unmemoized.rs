use memo::cache_delete;

fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
    cache_delete!(find(1)).ok();
}
