#![deny(deprecated)]

use memo::memoize;

struct Repo {
    tenant: u32,
}

impl Repo {
    #[memoize(ttl = 300)]
    async fn find(&self, id: u64) -> u64 {
        id + u64::from(self.tenant)
    }
}

fn main() {
    drop(Repo { tenant: 1 }.find(1));
}
