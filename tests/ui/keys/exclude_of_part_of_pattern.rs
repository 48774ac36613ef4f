use memo::memoize;

#[memoize(exclude(x))]
fn find((x, y): (u8, u8)) -> u8 {
    x + y
}

fn main() {
    find((1, 2));
}
