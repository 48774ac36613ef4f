use memo::memoize;

struct Repo<T>(T);

#[memoize]
impl<T: Clone> Repo<T> {
    fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    Repo(1).find(1);
    let _ = Repo(1).0;
}
