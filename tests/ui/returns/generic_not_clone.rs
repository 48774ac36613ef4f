use memo::memoize;

#[memoize]
fn find<T: Default + Send + Sync + 'static>(id: u64) -> T {
    let _ = id;
    T::default()
}

fn main() {
    find::<u8>(1);
}
