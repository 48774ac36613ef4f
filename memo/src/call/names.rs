//! Paths as `type_name` prints them, taken apart.
//!
//! A function item prints as `shop::Repo<u8>::get<3>`, a closure inside it as the same with `::{{closure}}` behind,
//! a method of a trait impl as `<shop::Pg as shop::Store>::load`. Names serve to find a function and for people;
//! what keeps instantiations apart is their `TypeId`.

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
    let Some(qualified) = path.strip_prefix('<') else {
        return path.to_owned();
    };
    let (mut depth, mut last) = (0usize, ' ');
    for (i, c) in qualified.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if last == '-' => {}
            ')' | ']' => depth = depth.saturating_sub(1),
            '>' if depth > 0 => depth -= 1,
            ' ' if depth == 0 && qualified[i..].starts_with(" as ") => {
                let end = last_segment(path);
                return format!("<{}>::{}", &qualified[..i], &path[end..]);
            }
            _ => {}
        }
        last = c;
    }
    path.to_owned()
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
}
