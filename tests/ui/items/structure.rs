use memo::memoize;

#[memoize]
struct Users;

fn main() {
    let _ = Users;
}
