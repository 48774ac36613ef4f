//! Methods: what of the receiver belongs to the key, generic types, and trait impls.
//!
//! The receiver is not part of the key by itself: hashing a whole object is rarely meant. A method says which part of
//! it the result depends on; if the body uses `self` and the attribute says nothing, the compiler warns.

use std::marker::PhantomData;

use memo::{cache_delete, memoize};

struct Shop {
    country: &'static str,
    vat_percent: u64,
    /// The result does not depend on it.
    log: fn(&str),
}

impl Shop {
    /// Two shops share a price only where both fields agree.
    #[memoize(include(self.country, self.vat_percent))]
    fn price(&self, article: &str) -> u64 {
        (self.log)(article);
        let net = 100 * article.len() as u64;
        net + net * self.vat_percent / 100
    }

    /// The same for every shop: the receiver serves only to report.
    #[memoize(exclude(self))]
    fn weight(&self, article: &str) -> usize {
        (self.log)(article);
        article.len() * 10
    }

    /// An associated function has no receiver to speak of.
    #[memoize]
    fn slogan(country: &str) -> String {
        format!("The best of {country}")
    }
}

/// A generic type: every `T` has a cache of its own, although the arguments are the same.
struct Layout<T>(PhantomData<T>);

impl<T> Layout<T> {
    #[memoize]
    fn bytes(count: usize) -> usize {
        count * size_of::<T>()
    }
}

trait Area {
    fn area(&self, scale: u32) -> u64;
}

struct Square(u32);

/// In a trait impl the attribute stands on the method, and once more, bare, on the block.
#[memoize]
impl Area for Square {
    #[memoize(include(self.0))]
    fn area(&self, scale: u32) -> u64 {
        u64::from(self.0) * u64::from(self.0) * u64::from(scale)
    }
}

fn main() -> Result<(), memo::Error> {
    let log = |article: &str| println!("  computing something about {article}");
    let german = Shop { country: "DE", vat_percent: 19, log };
    let french = Shop { country: "FR", vat_percent: 20, log };

    assert_eq!((german.price("tea"), french.price("tea"), german.price("tea")), (357, 360, 357));
    assert_eq!(memo::cache_info(Shop::price).misses, 2, "one for each country");
    assert_eq!((german.weight("tea"), french.weight("tea")), (30, 30));
    assert_eq!(memo::cache_info(Shop::weight).misses, 1, "one for both");
    assert_eq!(Shop::slogan(german.country), "The best of DE");

    assert_eq!((Layout::<u8>::bytes(4), Layout::<u32>::bytes(4)), (4, 16));
    for instantiation in memo::cache_info(Layout::<u8>::bytes).instantiations() {
        println!("{}: {} entry", instantiation.name, instantiation.info.size);
    }

    // A trait method is reached as always, also through `dyn`.
    let shape: &dyn Area = &Square(3);
    assert_eq!((shape.area(2), Square(3).area(2)), (18, 18));
    assert_eq!(memo::cache_info(<Square as Area>::area).hits, 1);

    // In the address of an entry, `_` stands for a receiver that is not in the key.
    assert!(cache_delete!(Shop::weight(_, "tea"))?);
    println!("\n{}", memo::report());
    Ok(())
}
