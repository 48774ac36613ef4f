use memo::memoize;

unsafe extern "C" {
    #[memoize]
    fn find(id: u64) -> u64;
}

fn main() {
    let _ = find as unsafe extern "C" fn(u64) -> u64;
}
