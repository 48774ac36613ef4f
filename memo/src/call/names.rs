//! Paths as `type_name` prints them, taken apart.
//!
//! A function item prints as `shop::Repo<u8>::get<3>`, a closure inside it as the same with `::{{closure}}` behind,
//! a method of a trait impl as `<shop::Pg as shop::Store>::load`. Names serve to find a function and for people;
//! what keeps instantiations apart is their `TypeId`.

use std::fmt::Write as _;

use crate::error::Error;

/// The path without closures (bodies of async functions are some) at its end.
pub(crate) fn without_closures(mut name: &str) -> &str {
    while let Some(rest) = name.strip_suffix("::{{closure}}") {
        name = rest;
    }
    name
}

/// The path without any generic arguments; those of a qualified path's type and trait go too.
pub(crate) fn without_generics(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    // The brackets of `<Type as Trait>` stay: they stand at the start, not behind a name.
    let mut depth = 0usize;
    let mut rest = name;
    while rest.starts_with('<') {
        out.push('<');
        rest = &rest[1..];
    }
    let mut qualified = out.len();
    let mut last = ' ';
    for c in rest.chars() {
        match c {
            '<' => depth += 1,
            '>' if last != '-' && depth > 0 => depth -= 1,
            '>' if last != '-' && qualified > 0 => {
                qualified -= 1;
                out.push(c);
            }
            _ if depth == 0 => out.push(c),
            _ => {}
        }
        last = c;
    }
    out
}

/// The start of the last segment, outside of all brackets.
fn last_segment(path: &str) -> usize {
    let (mut depth, mut at, mut last) = (0usize, 0, ' ');
    for (i, c) in path.char_indices() {
        match c {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' if last == '-' => {}
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ':' if last == ':' && depth == 0 => at = i + 1,
            _ => {}
        }
        last = c;
    }
    at
}

/// The path of the function `name`, from the path of an item inside it or inside its address form.
pub(crate) fn function_path(inner: &str, name: &str) -> String {
    let inner = without_closures(inner);
    let parent = &inner[..last_segment(inner).saturating_sub(2)];
    with_name(&without_generics(without_closures(parent)), name)
}

/// The path with its last segment, generics of it included, replaced.
fn with_name(path: &str, name: &str) -> String {
    format!("{}{name}", &path[..last_segment(path)])
}

/// The path from the name of a marker, without the function's own generics and without the trait it may stand in.
pub(crate) fn prefix(marker: &str, name: &str) -> String {
    without_trait(&with_name(without_closures(marker), name))
}

/// `<Type as Trait>::name` becomes `<Type>::name`: the address form stands in a trait of its own.
pub(crate) fn without_trait(path: &str) -> String {
    match qualified(path) {
        Some((of, _)) => format!("<{of}>::{}", &path[last_segment(path)..]),
        None => path.to_owned(),
    }
}

/// `Type` and `Trait` of `<Type as Trait>::name`.
fn qualified(path: &str) -> Option<(&str, &str)> {
    let inside = path.strip_prefix('<')?;
    let (mut depth, mut last, mut of) = (0usize, ' ', None);
    for (i, c) in inside.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if last == '-' => {}
            '>' if depth == 0 => return of.map(|of: &str| (of, &inside[of.len() + " as ".len()..i])),
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && of.is_none() && inside[i..].starts_with(" as ") => of = Some(&inside[..i]),
            _ => {}
        }
        last = c;
    }
    None
}

/// The name that the marker of a function has, from that of its address form's marker, which stands in another trait and may have more
/// generics than the first `count`. `inner` is the path of an item inside the function.
pub(crate) fn of_address(marker: &str, name: &str, inner: &str, count: usize) -> String {
    let marker = without_closures(marker);
    let prefix = prefix(marker, name);
    let mut of_function = match (prefix.strip_prefix('<'), qualified(inner)) {
        (Some(_), Some((_, of_trait))) => {
            let (of, last) = prefix.split_at(last_segment(&prefix));
            format!("{} as {of_trait}>::{last}", of.trim_end_matches(">::"))
        }
        _ => prefix,
    };
    let generics = arguments(&marker[last_segment(marker)..]);
    if count > 0 {
        let _ = write!(of_function, "<{}>", generics[..count.min(generics.len())].join(", "));
    }
    of_function
}

/// The types and constants among the generic arguments of a path's last segment.
fn arguments(segment: &str) -> Vec<&str> {
    let Some((_, inside)) = segment.strip_suffix('>').and_then(|segment| segment.split_once('<')) else {
        return Vec::new();
    };
    let (mut depth, mut last, mut from, mut all) = (0usize, ' ', 0, Vec::new());
    for (i, c) in inside.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if last == '-' => {}
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                all.push(inside[from..i].trim_start());
                from = i + 1;
            }
            _ => {}
        }
        last = c;
    }
    all.push(inside[from..].trim_start());
    all.retain(|argument| !argument.starts_with('\''));
    all
}

/// Why the name of an instantiation does not tell it from the `known` ones and all others, if it does not.
pub(crate) fn ambiguity<'a>(name: &str, mut known: impl Iterator<Item = &'a str>) -> Option<Error> {
    let why = if has_closure(name) {
        "and all closures of a function have one name; pass a `fn` instead"
    } else if known.any(|known| known == name) {
        "and this program has two of this name; rename one of the types, or move it to another module"
    } else {
        return None;
    };
    let message = format!("nothing of `{name}` is stored: stores tell instantiations apart by their names, {why}");
    Some(Error::unsupported(message))
}

/// Is a closure among the generics of this path? All closures of a function print alike. (A type that is declared in a closure
/// has a name of its own behind it, and so has a function.)
fn has_closure(path: &str) -> bool {
    path.split('{').any(|part| {
        let behind = part.strip_prefix("closure");
        // `{{closure}}`, or with a number.
        let behind = behind.map(|rest| rest.trim_start_matches(|c: char| matches!(c, '#' | '}' | '0'..='9')));
        behind.is_some_and(|rest| !rest.starts_with("::"))
    })
}

/// Is `linked`, the path of a method in an impl for a type parameter (`<T as Store>::load`), the one of `item`?
pub(crate) fn is_blanket_of(linked: &str, item: &str) -> bool {
    let parts = |path: &str| -> Option<(String, String)> {
        let (of, rest) = path.strip_prefix('<')?.split_once(" as ")?;
        Some((of.to_owned(), rest.to_owned()))
    };
    match (parts(linked), parts(item)) {
        (Some((of, rest)), Some((_, wanted))) => {
            // The compiler prints a type parameter that it does not know as `_`.
            rest == wanted && (of == "_" || (!of.contains("::") && of.starts_with(|c: char| c.is_ascii_uppercase())))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generics_are_left_out_at_every_depth() {
        for (name, expected) in [
            ("shop::find", "shop::find"),
            ("shop::Repo<'_, u8>::get<3>", "shop::Repo::get"),
            ("shop::Repo<alloc::vec::Vec<u8>>::get", "shop::Repo::get"),
            ("shop::call<fn(u8) -> u8>", "shop::call"),
            ("<alloc::vec::Vec<i32> as shop::Store<u8>>::load", "<alloc::vec::Vec as shop::Store>::load"),
            ("<<T as A>::B as shop::Store>::load", "<<T as A>::B as shop::Store>::load"),
        ] {
            assert_eq!(without_generics(name), expected);
        }
    }

    #[test]
    fn both_forms_of_a_function_have_one_path() {
        for (own, address) in [
            ("shop::find::__memo_path", "shop::__memo_find::__memo_path"),
            ("shop::Repo<T>::get::__memo_path", "shop::Repo<T>::__memo_get::__memo_path"),
            ("shop::f::{{closure}}::__memo_path", "shop::__memo_f::__memo_path"),
        ] {
            let name = without_generics(own)
                .split("::")
                .filter(|s| !s.starts_with("__") && !s.starts_with('{'))
                .last()
                .unwrap_or_default()
                .to_owned();
            assert_eq!(function_path(own, &name), function_path(address, &name));
        }
        assert_eq!(
            without_trait(&function_path("<shop::Pg as shop::Store>::load::p", "load")),
            without_trait(&function_path("<shop::Pg as shop::__Memo>::__memo_load::p", "load")),
        );
    }

    #[test]
    fn the_prefix_keeps_the_generics_of_the_type_only() {
        assert_eq!(prefix("shop::Repo<'_, u8>::get<3>::{{closure}}", "get"), "shop::Repo<'_, u8>::get");
        assert_eq!(prefix("shop::Repo<'_, u8>::__memo_get<3, memo::Any>", "get"), "shop::Repo<'_, u8>::get");
        assert_eq!(prefix("<shop::Pg as shop::Store>::load::{{closure}}", "load"), "<shop::Pg>::load");
    }

    #[test]
    fn closures_among_the_generics_are_seen() {
        for (name, has) in [
            ("shop::call<shop::main::{{closure}}>", true),
            ("shop::call<shop::main::{closure#3}>", true),
            ("shop::Repo<(u8, shop::main::{{closure}}::{{closure}})>::get", true),
            ("<shop::Lazy<shop::main::{{closure}}> as shop::Store>::load", true),
            ("shop::call<shop::main::plus>", false),
            ("shop::call<fn(u8) -> u8>", false),
            ("shop::main::{{closure}}::load", false),
            ("shop::load<shop::main::{{closure}}::Row>", false),
            ("shop::load<shop::closure>", false),
        ] {
            assert_eq!(has_closure(name), has, "{name}");
        }
    }

    #[test]
    fn the_address_form_has_the_name_of_the_function() {
        let of = |marker: &str, inner: &str, count| of_address(marker, "load", inner, count);
        for (marker, inner, count, expected) in [
            ("shop::__at_load::{{closure}}", "shop::load::here", 0, "shop::load"),
            ("shop::__at_load<&shop::Log>::{{closure}}", "shop::load::here", 0, "shop::load"),
            (
                "shop::__at_load<'_, (u8, u16), 3, shop::Any>::{{closure}}",
                "shop::load::here",
                2,
                "shop::load<(u8, u16), 3>",
            ),
            (
                "shop::Repo<u8>::__at_load<u16>::{{closure}}",
                "shop::Repo<T>::load::here",
                1,
                "shop::Repo<u8>::load<u16>",
            ),
            (
                "<shop::Repo<u8> as shop::__Hidden<u8>>::__at_load<fn() -> u8>::{{closure}}",
                "<shop::Repo<T> as shop::Store<u16>>::load::here",
                1,
                "<shop::Repo<u8> as shop::Store<u16>>::load<fn() -> u8>",
            ),
        ] {
            assert_eq!(of(marker, inner, count), expected);
        }
    }
}
