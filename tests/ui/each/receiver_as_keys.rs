//! The receiver is no slice of keys.

use memo::memoize;

struct Names;

impl Names {
    #[memoize(each = self, exclude(self))]
    fn names(&self, ids: &[u64]) -> Vec<String> {
        ids.iter().map(u64::to_string).collect()
    }
}

fn main() {
    Names.names(&[1]);
}
