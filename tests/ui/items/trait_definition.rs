use memo::memoize;

#[memoize]
trait Find {
    fn find(&self, id: u64) -> u64;
}

impl Find for u8 {
    fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    1.find(1);
}
