use memo::cache_entry;

fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
    cache_entry!(find(1));
}
