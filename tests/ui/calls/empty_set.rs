use memo::cache_set;

fn main() {
    let _ = cache_set!();
}
