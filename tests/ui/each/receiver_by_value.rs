//! The body may run several times, with one receiver.

use std::sync::Arc;

use memo::memoize;

struct Names;

impl Names {
    #[memoize(each = ids, exclude(self))]
    fn names(self: Arc<Self>, ids: &[u64]) -> Vec<String> {
        ids.iter().map(u64::to_string).collect()
    }
}

fn main() {
    Arc::new(Names).names(&[1]);
}
