use memo::explain_cache;

fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
    explain_cache!(find(1));
}
