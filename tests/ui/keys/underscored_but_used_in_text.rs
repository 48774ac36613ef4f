use memo::memoize;

#[memoize]
fn find(_tenant: u32, id: u64) -> String {
    format!("{_tenant}:{id}")
}

fn main() {
    find(1, 1);
}
