use memo::memoize;

#[memoize]
fn find<T: Clone + Default + 'static>(id: u64) -> Vec<T> {
    vec![T::default(); id as usize]
}

fn main() {
    find::<u8>(1);
}
