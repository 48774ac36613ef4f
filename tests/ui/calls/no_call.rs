use memo::skip_cache;

fn main() {
    let x = 1;
    skip_cache!(x);
}
