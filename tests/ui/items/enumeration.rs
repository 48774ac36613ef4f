use memo::memoize;

#[memoize]
enum Users {
    One,
}

fn main() {
    let _ = Users::One;
}
