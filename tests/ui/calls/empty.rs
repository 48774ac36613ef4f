use memo::cache_get;

fn main() {
    cache_get!();
}
