use memo::memoize;

struct Repo {
    tenant: u32,
}

impl Repo {
    #[memoize(include(self))]
    fn find(&mut self, id: u64) -> u64 {
        self.tenant += 1;
        id
    }
}

fn main() {
    Repo { tenant: 1 }.find(1);
}
