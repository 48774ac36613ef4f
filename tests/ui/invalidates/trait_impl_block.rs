use memo::invalidates;

struct Users;

#[invalidates(tag = "users")]
impl Default for Users {
    fn default() -> Self {
        Users
    }
}

fn main() {
    let _ = Users::default();
}
