use memo::memoize;

#[memoize(each = ids, dependency = memo::probe::env_var("TZ"))]
fn names(ids: &[u64]) -> Vec<String> {
    ids.iter().map(u64::to_string).collect()
}

fn main() {
    names(&[1]);
}
