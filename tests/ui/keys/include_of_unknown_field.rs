use memo::memoize;

struct Repo {
    tenant: u32,
}

impl Repo {
    #[memoize(include(self.tenent))]
    fn find(&self, id: u64) -> u64 {
        id + u64::from(self.tenant)
    }
}

fn main() {
    Repo { tenant: 1 }.find(1);
}
