use memo::memoize;

#[derive(Debug)]
struct LoadError;

#[memoize(wait_timeout = "1s", on_timeout = "fail")]
fn find(id: u64) -> Result<u64, LoadError> {
    Ok(id)
}

fn main() {
    find(1).ok();
}
