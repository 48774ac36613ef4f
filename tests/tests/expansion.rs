//! Row 1: what the attribute generates, shown by an expansion that is written by hand: it compiles, and it does what the
//! attribute does. That the macro generates exactly this is a unit test of `memo-macros`.

use memo_tests::counts;

#[allow(unreachable_pub, reason = "shows how visibility is handed on")]
#[path = "../expand/attributed.rs"]
mod attributed;
#[allow(
    unused_imports,
    unreachable_pub,
    non_camel_case_types,
    clippy::pedantic,
    clippy::type_complexity,
    reason = "lints don't look into what a macro generates"
)]
#[path = "../expand/by_hand.rs"]
mod by_hand;

/// The same calls of both. Addresses are not among them: a function and its sibling know each other by the position of
/// the attribute, which code written by hand doesn't have.
macro_rules! behaves {
    ($name:ident, $module:ident) => {
        #[test]
        fn $name() {
            use $module::{Load as _, Repo};

            assert_eq!($module::user("a", 1), Some("a1".to_owned()));
            assert_eq!($module::user("b", 1), Some("a1".to_owned()));
            assert_eq!($module::user("a", 0), None);
            assert_eq!(counts($module::user), (1, 2, 1));

            assert_eq!(smol::block_on($module::fetch("x")), Ok("x".to_owned()));
            assert_eq!(smol::block_on($module::fetch("x")), Ok("x".to_owned()));
            assert_eq!(counts($module::fetch), (1, 1, 1));

            assert_eq!($module::pair::<u8, 2>(7), ([7, 7], 2));
            assert_eq!($module::pair::<u8, 3>(7), ([7, 7, 7], 3));
            assert_eq!(memo::cache_info($module::pair::<u8, 2>).instantiations().len(), 2);

            assert_eq!(Repo { tenant: 1 }.profile(2), "1:2");
            assert_eq!(Repo { tenant: 2 }.profile(2), "2:2");
            assert_eq!(counts(Repo::profile), (0, 2, 2));

            assert_eq!(Repo { tenant: 1 }.load(5), 6);
            assert_eq!(Repo { tenant: 2 }.load(5), 6);
            assert_eq!(counts(<Repo as $module::Load>::load), (1, 1, 1));
        }
    };
}

behaves!(the_expansion_by_hand_behaves_like_a_memoized_item, by_hand);
behaves!(the_attribute_behaves_like_the_expansion_by_hand, attributed);
