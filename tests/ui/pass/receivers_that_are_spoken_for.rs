#![deny(warnings)]

use memo::memoize;

struct Repo {
    tenant: u32,
}

impl Repo {
    #[memoize(exclude(self))]
    fn excluded(&self, id: u64) -> u64 {
        id + u64::from(self.tenant)
    }

    #[memoize(include(self.tenant))]
    fn included(&self, id: u64) -> u64 {
        id + u64::from(self.tenant)
    }

    #[memoize(key = (self.tenant, id))]
    fn computed(&self, id: u64) -> u64 {
        id + u64::from(self.tenant)
    }

    #[allow(deprecated)]
    #[memoize]
    fn allowed(&self, id: u64) -> u64 {
        id + u64::from(self.tenant)
    }

    #[memoize]
    fn unused(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    let repo = Repo { tenant: 1 };
    repo.excluded(1);
    repo.included(1);
    repo.computed(1);
    repo.allowed(1);
    repo.unused(1);
}
