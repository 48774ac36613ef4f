#![deny(warnings)]

use memo::memoize;

#[memoize(backend = [
    "memory",
    "memory://a.b-c_d?codec=mine+zstd&level=-7&threads=64&threshold=1KiB&max_value=1GB&key_style=hashed&ttl=5m&lease=30s",
    "null://",
    "sqlite://?synchronous=extra&busy_timeout=250ms&table=_a1&cache_size=2MiB&mmap_size=0&readers=64&max_bytes=1TB&max_entries=1",
    "file:///var/cache/a%20b?locking=flock&stale_after=5m&wait=30&poll=50ms&format=plain&sync=false&max_bytes=1GB",
    "lmdb://cache?map_size=1MiB&max_map_size=1GiB&max_readers=1&sync=meta",
    "shm://cache?map_size=1MiB&max_map_size=1GiB&max_readers=65536",
    "s3://bucket/path?region=eu&anything=%26&codec=json",
])]
fn every_scheme(id: u64) -> u64 {
    id
}

#[memoize(backend = ["null://", "mine://"], write = "back")]
fn written_back(id: u64) -> u64 {
    id
}

#[memoize(backend = ["memory", "null://"], write = "through")]
async fn written_through(id: u64) -> u64 {
    id
}

#[memoize(backend = "mine://", codec = "mine")]
fn own_codec(id: u64) -> u64 {
    id
}

#[memoize(backend = "null://", codec = "zstandard+zlib?level=9&threshold=0")]
fn compressors_alone(text: &str) -> String {
    text.to_owned()
}

#[memoize(backend = "null://?codec=json%2Bzstd", codec = "bincode")]
async fn escaped(id: u64) -> u64 {
    id
}

#[memoize(backend = ["memory", "null://"], ttl = |id| *id, sliding, jitter = 0.1)]
fn sliding(id: u64) -> u64 {
    id
}

#[memoize(backend = "null://", single_flight = "distributed", wait_timeout = 1)]
fn distributed(id: u64) -> u64 {
    id
}

struct Repo<T>(T);

impl<T: Clone + Into<u64> + 'static> Repo<T> {
    #[memoize(backend = "null://", exclude(self))]
    fn find(&self, id: u64) -> u64 {
        self.0.clone().into() + id
    }
}

trait Load {
    fn load(&self, id: u64) -> u64;
}

#[memoize]
impl Load for Repo<u8> {
    #[memoize(backend = "null://", exclude(self))]
    fn load(&self, id: u64) -> u64 {
        u64::from(self.0) + id
    }
}

fn main() {
    #[memoize(backend = "null://?ttl=1h")]
    fn local(id: u64) -> u64 {
        id
    }

    // Not called: it would open stores in the user's cache directory.
    let _ = every_scheme;
    // A scheme that is nobody's yet is a store that can't be reached: the call goes on without it.
    assert_eq!((own_codec(1), local(1), sliding(1), distributed(1)), (1, 1, 1, 1));
    assert_eq!((compressors_alone("a"), Repo(1_u8).find(1), Repo(1_u8).load(1)), ("a".to_owned(), 2, 2));
    drop((escaped(1), written_through(1)));
    assert_eq!(written_back(1), 1);
}
