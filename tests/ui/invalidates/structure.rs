use memo::invalidates;

#[invalidates(tag = "users")]
struct Users;

fn main() {
    let _ = Users;
}
