use memo::memoize;

#[memoize]
unsafe extern "C" fn find(id: u64, mut rest: ...) -> u64 {
    id
}

fn main() {}
