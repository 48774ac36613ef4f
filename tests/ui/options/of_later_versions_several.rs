use memo::memoize;

#[memoize(
    cache = CACHE,
    config = "shop::users",
    refresh_every = "1m",
    soft_timeout = "1s",
    hard_timeout = "1s",
    depends_on(load)
)]
fn find(id: u64) -> u64 {
    id
}

fn main() {
    find(1);
}
