use memo::invalidates;

struct Users;

#[invalidates(tag = "users")]
impl Users {
    fn save(&self) {}
}

fn main() {
    Users.save();
}
