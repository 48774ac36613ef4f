use memo::invalidates;

trait Save {
    #[invalidates(tag = "users")]
    fn save(&self);
}

impl Save for u8 {
    fn save(&self) {}
}

fn main() {
    1.save();
}
