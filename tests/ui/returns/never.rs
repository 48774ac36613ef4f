use memo::memoize;

#[memoize]
fn find(id: u64) -> ! {
    panic!("{id}")
}

fn main() {
    if std::env::args().count() > 9 {
        find(1);
    }
}
