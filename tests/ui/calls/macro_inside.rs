use memo::skip_cache;

fn main() {
    skip_cache!(println!("x"));
}
