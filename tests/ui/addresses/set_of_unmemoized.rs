use memo::cache_set;

fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
    cache_set!(find(1), 2).ok();
}
