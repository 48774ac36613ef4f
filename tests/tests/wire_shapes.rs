//! Row 34: the fingerprint of a type's serde shape changes with the type, and with nothing else.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::{NonZeroI64, NonZeroU8},
    path::PathBuf,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use memo::wire::{Wire, shape_of};
use serde::{Deserialize, Deserializer, Serialize, de};

/// One type per module, all called alike.
macro_rules! versions {
    ($($module:ident { $($item:item)* })*) => {$(
        mod $module {
            #[allow(unused_imports, reason = "not every version needs all")]
            use super::*;
            $(#[derive(Deserialize)] #[allow(dead_code, reason = "only the shape counts")] $item)*
        }
    )*};
}

versions! {
    base {
        pub(super) struct User { id: u32, name: String, home: Home }
        pub(super) struct Home { street: String, kind: Kind }
        pub(super) enum Kind { House, Flat { floor: u8 } }
    }
    same {
        pub(super) struct User { id: u32, name: Box<str>, home: Arc<Home> }
        pub(super) struct Home { street: String, kind: Box<Kind> }
        pub(super) enum Kind { House, Flat { floor: u8 } }
    }
    renamed_field {
        pub(super) struct User { id: u32, label: String, home: Home }
        pub(super) struct Home { street: String, kind: Kind }
        pub(super) enum Kind { House, Flat { floor: u8 } }
    }
    swapped_fields {
        pub(super) struct User { name: String, id: u32, home: Home }
        pub(super) struct Home { street: String, kind: Kind }
        pub(super) enum Kind { House, Flat { floor: u8 } }
    }
    other_type {
        pub(super) struct User { id: u64, name: String, home: Home }
        pub(super) struct Home { street: String, kind: Kind }
        pub(super) enum Kind { House, Flat { floor: u8 } }
    }
    optional {
        pub(super) struct User { id: Option<u32>, name: String, home: Home }
        pub(super) struct Home { street: String, kind: Kind }
        pub(super) enum Kind { House, Flat { floor: u8 } }
    }
    added_field {
        pub(super) struct User { id: u32, name: String, home: Home, age: u8 }
        pub(super) struct Home { street: String, kind: Kind }
        pub(super) enum Kind { House, Flat { floor: u8 } }
    }
    nested_field {
        pub(super) struct User { id: u32, name: String, home: Home }
        pub(super) struct Home { road: String, kind: Kind }
        pub(super) enum Kind { House, Flat { floor: u8 } }
    }
    nested_name {
        pub(super) struct User { id: u32, name: String, home: House }
        pub(super) struct House { street: String, kind: Kind }
        pub(super) enum Kind { House, Flat { floor: u8 } }
    }
    added_variant {
        pub(super) struct User { id: u32, name: String, home: Home }
        pub(super) struct Home { street: String, kind: Kind }
        pub(super) enum Kind { House, Flat { floor: u8 }, Tent }
    }
    swapped_variants {
        pub(super) struct User { id: u32, name: String, home: Home }
        pub(super) struct Home { street: String, kind: Kind }
        pub(super) enum Kind { Flat { floor: u8 }, House }
    }
    deep_in_a_variant {
        pub(super) struct User { id: u32, name: String, home: Home }
        pub(super) struct Home { street: String, kind: Kind }
        pub(super) enum Kind { House, Flat { floor: i8 } }
    }
    serde_name {
        pub(super) struct User { id: u32, #[serde(rename = "label")] name: String, home: Home }
        pub(super) struct Home { street: String, kind: Kind }
        pub(super) enum Kind { House, Flat { floor: u8 } }
    }
}

#[test]
fn a_changed_type_has_another_fingerprint() {
    let base = shape_of::<base::User>();
    assert_eq!(base, shape_of::<same::User>(), "boxes and borrowed forms are what is in them");
    let changed = [
        ("renamed field", shape_of::<renamed_field::User>()),
        ("swapped fields", shape_of::<swapped_fields::User>()),
        ("other type", shape_of::<other_type::User>()),
        ("optional", shape_of::<optional::User>()),
        ("added field", shape_of::<added_field::User>()),
        ("nested field", shape_of::<nested_field::User>()),
        ("nested name", shape_of::<nested_name::User>()),
        ("added variant", shape_of::<added_variant::User>()),
        ("swapped variants", shape_of::<swapped_variants::User>()),
        ("deep in a variant", shape_of::<deep_in_a_variant::User>()),
    ];
    let different: BTreeSet<u64> = changed.iter().map(|(_, shape)| *shape).chain([base]).collect();
    assert_eq!(different.len(), changed.len() + 1, "{base} {changed:?}");
    assert_eq!(shape_of::<serde_name::User>(), shape_of::<renamed_field::User>(), "serde's names count");
}

/// Computed once, on another day: nothing but the type is in it.
#[test]
fn a_fingerprint_is_the_same_everywhere() {
    assert_eq!(shape_of::<base::User>(), 13_168_059_856_521_391_704, "of `base::User`");
}

#[test]
fn everything_that_serde_knows_has_a_shape() {
    let shapes = [
        shape_of::<()>(),
        shape_of::<bool>(),
        shape_of::<u8>(),
        shape_of::<i128>(),
        shape_of::<f32>(),
        shape_of::<f64>(),
        shape_of::<char>(),
        shape_of::<String>(),
        shape_of::<Option<String>>(),
        shape_of::<Vec<String>>(),
        shape_of::<HashMap<String, u8>>(),
        shape_of::<BTreeMap<u8, String>>(),
        shape_of::<(u8,)>(),
        shape_of::<[u8; 2]>(),
        shape_of::<[u8; 32]>(),
        shape_of::<Duration>(),
        shape_of::<SystemTime>(),
        shape_of::<Ipv4Addr>(),
        shape_of::<IpAddr>(),
        shape_of::<SocketAddr>(),
        shape_of::<std::ops::Range<u8>>(),
        shape_of::<std::ops::Bound<u8>>(),
        shape_of::<Result<u8, String>>(),
        shape_of::<std::marker::PhantomData<u8>>(),
        shape_of::<Option<Option<u8>>>(),
    ];
    let different: BTreeSet<u64> = shapes.iter().copied().collect();
    assert_eq!(different.len(), shapes.len(), "{shapes:?}");
    assert_eq!(shape_of::<PathBuf>(), shape_of::<String>());
    assert_eq!(shape_of::<NonZeroU8>(), shape_of::<u8>());
    assert_eq!(shape_of::<(NonZeroI64, u8)>(), shape_of::<(i64, u8)>());
    assert_eq!(shape_of::<Rc<VecDeque<u8>>>(), shape_of::<Vec<u8>>());
    assert_eq!(shape_of::<BTreeSet<u8>>(), shape_of::<Vec<u8>>());
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the shape counts")]
struct Page<T> {
    items: Vec<T>,
    next: Option<Box<Page<T>>>,
}

#[test]
fn generic_types_of_one_name_are_told_apart() {
    assert_ne!(shape_of::<Page<u8>>(), shape_of::<Page<u16>>());
    assert_ne!(shape_of::<(Page<u8>, Page<u16>)>(), shape_of::<(Page<u16>, Page<u8>)>());
    assert_ne!(shape_of::<Page<Page<u8>>>(), shape_of::<Page<u8>>());
}

mod recursive {
    use super::*;

    versions! {
        list { pub(super) enum List { Cons(u8, Box<List>), Nil } }
        wider { pub(super) enum List { Cons(u16, Box<List>), Nil } }
        first { pub(super) struct Tree { children: Vec<Tree>, by_name: HashMap<String, Tree>, last: u8 } }
        second { pub(super) struct Tree { children: Vec<Tree>, by_name: HashMap<String, Tree>, last: u16 } }
        wrapped { pub(super) struct A(Option<Box<A>>); }
        mutual {
            pub(super) struct A { b: Option<Box<B>>, x: u8 }
            pub(super) struct B { a: Vec<A>, y: u8 }
        }
        mutual_changed {
            pub(super) struct A { b: Option<Box<B>>, x: u8 }
            pub(super) struct B { a: Vec<A>, y: u16 }
        }
        never { pub(super) struct Never { again: Box<Never>, x: u8 } }
        never_changed { pub(super) struct Never { again: Box<Never>, x: u16 } }
    }

    #[test]
    fn recursion_ends() {
        assert_ne!(shape_of::<list::List>(), shape_of::<wider::List>());
        assert_ne!(shape_of::<first::Tree>(), shape_of::<second::Tree>());
        assert_ne!(shape_of::<mutual::A>(), shape_of::<mutual_changed::A>());
        assert_ne!(shape_of::<mutual::A>(), shape_of::<mutual::B>());
        assert_ne!(shape_of::<never::Never>(), shape_of::<never_changed::Never>(), "not even a value is needed");
        shape_of::<wrapped::A>();
    }

    /// Behind an element that has to be made up, whichever of its variants can be.
    #[test]
    fn recursive_elements_are_passed() {
        assert_ne!(shape_of::<(list::List, u8)>(), shape_of::<(list::List, u16)>());
        assert_ne!(shape_of::<(first::Tree, u8)>(), shape_of::<(first::Tree, u16)>());
        assert_ne!(shape_of::<([first::Tree; 3], u8)>(), shape_of::<([first::Tree; 3], u16)>());
    }
}

mod refusing {
    use super::*;

    fn validated<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        deserializer: D,
        valid: impl Fn(&T) -> bool,
    ) -> Result<T, D::Error> {
        let value = T::deserialize(deserializer)?;
        if valid(&value) { Ok(value) } else { Err(de::Error::custom("it is not valid")) }
    }

    macro_rules! validated {
        ($($name:ident($type:ty): $valid:expr;)*) => {$(
            #[allow(dead_code, reason = "only the shape counts")]
            struct $name($type);
            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    validated(deserializer, $valid).map(Self)
                }
            }
        )*};
    }

    validated! {
        Email(String): |text: &String| text.contains('@');
        Version(String): |text: &String| text.split('.').count() == 3;
        Percent(u8): |number| (10..=50).contains(number);
        Impossible(String): |_| false;
        Panicking(u8): |_| panic!("no number pleases");
        Hash(Vec<u8>): |bytes: &Vec<u8>| bytes.len() == 99;
    }

    versions! {
        first { pub(super) struct Account { secret: Impossible, worse: Panicking, hash: Hash, after: u8 } }
        second { pub(super) struct Account { secret: Impossible, worse: Panicking, hash: Hash, after: u16 } }
    }

    #[test]
    fn fields_beside_what_refuses_are_seen() {
        assert_ne!(shape_of::<first::Account>(), shape_of::<second::Account>());
        assert_eq!(shape_of::<Email>(), shape_of::<String>());
        assert_ne!(shape_of::<Impossible>(), shape_of::<Panicking>());
    }

    #[test]
    fn elements_behind_what_validates_are_seen() {
        assert_eq!(shape_of::<(Email, Version, Percent, u8)>(), shape_of::<(String, String, u8, u8)>());
        assert_eq!(shape_of::<(Option<Email>, Vec<Percent>, u8)>(), shape_of::<(Option<String>, Vec<u8>, u8)>());
    }

    #[test]
    fn elements_behind_what_refuses_everything_count_with_their_names_at_most() {
        shape_of::<(Impossible, u8)>();
        shape_of::<(Panicking, first::Account)>();
        shape_of::<HashMap<Impossible, u8>>();
    }

    impl PartialEq for Impossible {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Impossible {}
    impl std::hash::Hash for Impossible {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }
}

mod hiding {
    use super::*;

    #[derive(Deserialize)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "only the shape counts")]
    enum Untagged {
        Number(u8),
        Text(String),
    }

    #[derive(Deserialize)]
    #[serde(tag = "kind")]
    #[expect(dead_code, reason = "only the shape counts")]
    enum Tagged {
        A { x: u8 },
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only the shape counts")]
    struct Flat {
        #[serde(flatten)]
        rest: HashMap<String, u8>,
    }

    versions! {
        first { pub(super) struct All { flat: Flat, tagged: Tagged, untagged: Untagged, any: serde_json::Value, after: u8 } }
        second { pub(super) struct All { flat: Flat, tagged: Tagged, untagged: Untagged, any: serde_json::Value, after: u16 } }
    }

    #[test]
    fn what_looks_at_the_data_counts_with_its_name() {
        let shapes =
            [shape_of::<Untagged>(), shape_of::<Tagged>(), shape_of::<Flat>(), shape_of::<serde_json::Value>()];
        assert_eq!(BTreeSet::from(shapes).len(), shapes.len());
        assert_ne!(shape_of::<first::All>(), shape_of::<second::All>(), "what follows is seen");
        assert_ne!(shape_of::<(serde_json::Value, u8)>(), shape_of::<(serde_json::Value, u16)>());
        assert_ne!(shape_of::<Vec<Untagged>>(), shape_of::<Vec<Tagged>>());
    }

    #[test]
    fn codecs_without_names_can_be_refused_before() {
        let wire = Wire::parse("postcard").expect("it is built in");
        for error in [wire.check::<first::All>(), wire.check::<Vec<Option<Tagged>>>(), wire.check::<Flat>()] {
            let error = error.expect_err("it looks at the data");
            assert!(error.is_encoding() && error.to_string().contains("`json`"), "{error}");
        }
        wire.check::<base::User>().expect("it does not");
        Wire::parse("json").expect("it is built in").check::<first::All>().expect("it has names");
    }
}

/// By hand, and with visitors that take only one of the ways in which structs come.
mod by_hand {
    use super::*;

    struct OnlySeq;
    struct OnlyMap;

    struct SeqVisitor;
    struct MapVisitor;

    impl<'de> de::Visitor<'de> for SeqVisitor {
        type Value = OnlySeq;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a sequence")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<OnlySeq, A::Error> {
            seq.next_element::<u8>()?.ok_or_else(|| de::Error::missing_field("a"))?;
            seq.next_element::<String>()?.ok_or_else(|| de::Error::missing_field("b"))?;
            Ok(OnlySeq)
        }
    }

    impl<'de> de::Visitor<'de> for MapVisitor {
        type Value = OnlyMap;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<OnlyMap, A::Error> {
            while let Some(key) = map.next_key::<String>()? {
                match &*key {
                    "a" => drop(map.next_value::<u8>()?),
                    "b" => drop(map.next_value::<String>()?),
                    _ => return Err(de::Error::custom("unknown")),
                }
            }
            Ok(OnlyMap)
        }
    }

    impl<'de> Deserialize<'de> for OnlySeq {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_struct("Pair", &["a", "b"], SeqVisitor)
        }
    }

    impl<'de> Deserialize<'de> for OnlyMap {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_struct("Pair", &["a", "b"], MapVisitor)
        }
    }

    versions! {
        derived { #[serde(rename = "Pair")] pub(super) struct Pair { a: u8, b: String } }
    }

    #[test]
    fn one_way_is_enough() {
        assert_eq!(shape_of::<OnlySeq>(), shape_of::<derived::Pair>());
        assert_eq!(shape_of::<OnlyMap>(), shape_of::<derived::Pair>());
        assert_ne!(shape_of::<(OnlyMap, OnlySeq, u8)>(), shape_of::<(OnlyMap, OnlySeq, u16)>());
    }
}

#[test]
fn large_types_end() {
    /// Each level has eight of the next: more places than anybody looks at.
    #[derive(Serialize, Deserialize)]
    struct Eight<T>(T, T, T, T, T, T, T, T);
    type Many<T> = Eight<Eight<Eight<Eight<Eight<T>>>>>;

    let begun = Instant::now();
    shape_of::<Many<u8>>();
    println!("32,768 places: {:?}", begun.elapsed());
}
