use memo::memoize;

struct Tenant;

struct Repo {
    tenant: Tenant,
}

impl Repo {
    #[memoize(include(self.tenant))]
    fn find(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    Repo { tenant: Tenant }.find(1);
}
