use memo::memoize;

#[memoize]
mod users {
    pub fn find(id: u64) -> u64 {
        id
    }
}

fn main() {
    users::find(1);
}
