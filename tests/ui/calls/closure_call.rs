use memo::skip_cache;

fn main() {
    skip_cache!((|x: u8| x)(1));
}
