//! What can be read off a type as it is written.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{GenericArgument, Lifetime, PathArguments, PathSegment, ReturnType, Type, TypeParamBound};

/// The type without parentheses and invisible groups.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        other => other,
    }
}

/// The last segment of a plain path.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The type arguments of a path segment.
pub(crate) fn type_arguments(segment: &PathSegment) -> Vec<&Type> {
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether one of the words occurs in the type.
pub(crate) fn has_word(tokens: TokenStream, is: &dyn Fn(&Ident) -> bool) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Ident(ident) => is(&ident),
        TokenTree::Group(group) => has_word(group.stream(), is),
        _ => false,
    })
}

/// Whether the type mentions `impl Trait`.
pub(crate) fn has_impl(ty: &Type) -> bool {
    has_word(ty.to_token_stream(), &|ident| ident == "impl")
}

/// Whether something in the type is borrowed, or a float: what a plain leaf of the key can't be.
pub(crate) fn needs_shape(ty: &Type) -> bool {
    fn inside(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|tree| match tree {
            TokenTree::Punct(punct) => matches!(punct.as_char(), '&' | '\''),
            TokenTree::Ident(ident) => ident == "Cow" || ident == "f32" || ident == "f64",
            TokenTree::Group(group) => inside(group.stream()),
            TokenTree::Literal(_) => false,
        })
    }
    inside(ty.to_token_stream())
}

/// Whether no lifetime, written or elided, is in the type, nor anything that brings some along.
pub(crate) fn is_unborrowed(ty: &Type) -> bool {
    fn has_lifetime(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|tree| match tree {
            TokenTree::Punct(punct) => matches!(punct.as_char(), '&' | '\''),
            TokenTree::Ident(ident) => ident == "dyn" || ident == "impl",
            TokenTree::Group(group) => has_lifetime(group.stream()),
            TokenTree::Literal(_) => false,
        })
    }
    !has_lifetime(ty.to_token_stream())
}

/// What stands behind a shared reference whose lifetime has no name.
pub(crate) fn behind_reference(ty: &Type) -> Option<&Type> {
    match bare(ty) {
        Type::Reference(reference) if reference.mutability.is_none() && reference.lifetime.is_none() => {
            Some(bare(&reference.elem))
        }
        _ => None,
    }
}

/// The type of a slice's elements, behind a shared reference.
pub(crate) fn slice_element(ty: &Type) -> Option<&Type> {
    match bare(ty) {
        Type::Reference(reference) if reference.mutability.is_none() => match bare(&reference.elem) {
            Type::Slice(slice) => Some(&slice.elem),
            _ => None,
        },
        _ => None,
    }
}

/// A collection of values that is returned, or is in a `Result` that is.
pub(crate) struct Collected<'a> {
    pub(crate) value: &'a Type,
    pub(crate) is_map: bool,
    pub(crate) is_in_result: bool,
}

/// The collection, as far as the type is written out.
pub(crate) fn collected(ty: &Type) -> Option<Collected<'_>> {
    let last = last_segment(ty)?;
    let arguments = type_arguments(last);
    match last.ident.to_string().as_str() {
        "Vec" => Some(Collected { value: arguments.first()?, is_map: false, is_in_result: false }),
        "HashMap" => Some(Collected { value: arguments.get(1)?, is_map: true, is_in_result: false }),
        "Result" => {
            let inner = collected(arguments.first()?).filter(|inner| !inner.is_in_result)?;
            Some(Collected { is_in_result: true, ..inner })
        }
        _ => None,
    }
}

/// A borrow in a type that is to be kept.
pub(crate) enum Borrow<'a> {
    Reference(&'a syn::TypeReference),
    Lifetime(&'a Lifetime),
}

/// The first part of the type that doesn't live forever. The insides of `fn(&T)` and `Fn(&T)` are not borrows.
pub(crate) fn first_borrow(ty: &Type) -> Option<Borrow<'_>> {
    match bare(ty) {
        Type::Reference(reference) => match &reference.lifetime {
            Some(lifetime) if lifetime.ident == "static" => first_borrow(&reference.elem),
            _ => Some(Borrow::Reference(reference)),
        },
        Type::Array(array) => first_borrow(&array.elem),
        Type::Slice(slice) => first_borrow(&slice.elem),
        Type::Ptr(pointer) => first_borrow(&pointer.elem),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(first_borrow),
        Type::Path(path) => path.path.segments.iter().find_map(|segment| in_arguments(&segment.arguments)),
        Type::TraitObject(object) => object.bounds.iter().find_map(in_bound),
        _ => None,
    }
}

fn in_arguments(arguments: &PathArguments) -> Option<Borrow<'_>> {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Lifetime(lifetime) => forever(lifetime),
        GenericArgument::Type(ty) => first_borrow(ty),
        GenericArgument::AssocType(assoc) => first_borrow(&assoc.ty),
        _ => None,
    })
}

fn in_bound(bound: &TypeParamBound) -> Option<Borrow<'_>> {
    match bound {
        TypeParamBound::Lifetime(lifetime) => forever(lifetime),
        TypeParamBound::Trait(bound) if bound.lifetimes.is_none() => {
            bound.path.segments.iter().find_map(|segment| in_arguments(&segment.arguments))
        }
        _ => None,
    }
}

fn forever(lifetime: &Lifetime) -> Option<Borrow<'_>> {
    (lifetime.ident != "static").then_some(Borrow::Lifetime(lifetime))
}

/// The `Output` of the first bound that is a future.
pub(crate) fn future_output<'a>(bounds: impl IntoIterator<Item = &'a TypeParamBound>) -> Option<&'a Type> {
    bounds.into_iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else {
            return None;
        };
        let last = bound.path.segments.last().filter(|last| last.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else {
            return None;
        };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(&assoc.ty),
            _ => None,
        })
    })
}

/// The output of `Pin<Box<dyn Future<Output = R>>>`, `BoxFuture<'_, R>` or `LocalBoxFuture<'_, R>`.
pub(crate) fn boxed_output(ty: &Type) -> Option<&Type> {
    let last = last_segment(ty)?;
    let arguments = type_arguments(last);
    match last.ident.to_string().as_str() {
        "BoxFuture" | "LocalBoxFuture" => arguments.last().copied(),
        "Pin" => {
            let inner = last_segment(arguments.first()?).filter(|inner| inner.ident == "Box")?;
            match bare(type_arguments(inner).first()?) {
                Type::TraitObject(object) => future_output(&object.bounds),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether the type, as written, is certainly no `name<…>`: a primitive, a tuple, an array, a reference.
pub(crate) fn is_certainly_not(ty: &Type, name: &str) -> bool {
    const PLAIN: &[&str] = &[
        "bool", "char", "str", "String", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
        "isize", "f32", "f64", "Vec", "Option", "Result", "Box", "Arc", "Rc", "HashMap", "HashSet", "BTreeMap",
        "BTreeSet",
    ];
    match bare(ty) {
        Type::Path(path) if path.qself.is_none() => path
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident != name && PLAIN.iter().any(|plain| last.ident == plain)),
        Type::Tuple(_) | Type::Array(_) | Type::Reference(_) | Type::Ptr(_) | Type::FnPtr(_) | Type::TraitObject(_) => {
            true
        }
        _ => false,
    }
}

/// The name of a primitive type other than `str`.
pub(crate) fn primitive(ty: &Type) -> Option<String> {
    const PRIMITIVES: &[&str] = &[
        "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32",
        "f64",
    ];
    match bare(ty) {
        Type::Path(path) if path.qself.is_none() => {
            let name = path.path.get_ident()?.to_string();
            PRIMITIVES.contains(&name.as_str()).then_some(name)
        }
        _ => None,
    }
}

/// Whether the type, as written, is made of primitives and texts alone: its values can be cloned and shared.
pub(crate) fn is_plain(ty: &Type) -> bool {
    match bare(ty) {
        Type::Path(path) if path.qself.is_none() => last_segment(ty).is_some_and(|last| {
            let inner = type_arguments(last);
            let holds = |inside: &Type| is_plain(inside);
            match last.ident.to_string().as_str() {
                "String" => last.arguments.is_none(),
                "Option" | "Vec" => inner.len() == 1 && inner.into_iter().all(holds),
                "Box" | "Arc" => inner.len() == 1 && inner.into_iter().all(|inside| is_str(inside) || is_plain(inside)),
                _ => primitive(ty).is_some(),
            }
        }),
        Type::Tuple(tuple) => tuple.elems.iter().all(is_plain),
        Type::Array(array) => is_plain(&array.elem),
        _ => false,
    }
}

/// Whether the type is `str`.
pub(crate) fn is_str(ty: &Type) -> bool {
    matches!(bare(ty), Type::Path(path) if path.qself.is_none() && path.path.is_ident("str"))
}

/// The type behind `->`, or `()`.
pub(crate) fn returned(output: &ReturnType) -> Type {
    match output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(text: &str) -> Type {
        syn::parse_str(text).expect(text)
    }

    #[test]
    fn borrows() {
        for text in ["&str", "Option<&'a str>", "Cow<'_, str>", "(u8, &u8)", "Box<dyn Trait + 'a>"] {
            assert!(first_borrow(&ty(text)).is_some(), "{text}");
        }
        for text in ["&'static str", "fn(&str) -> &str", "Box<dyn Fn(&str) -> bool>", "Cow<'static, str>", "Vec<u8>"] {
            assert!(first_borrow(&ty(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn futures() {
        let boxed = ty("::std::pin::Pin<Box<dyn ::core::future::Future<Output = u8> + Send + 'async_trait>>");
        assert_eq!(boxed_output(&boxed).to_token_stream().to_string(), "u8");
        assert_eq!(boxed_output(&ty("BoxFuture<'a, (u8, u8)>")).to_token_stream().to_string(), "(u8 , u8)");
        assert!(boxed_output(&ty("Pin<Box<u8>>")).is_none());
    }

    #[test]
    fn plain_types() {
        for text in ["()", "u8", "(u32, char)", "[u64; 4]", "Option<i64>", "std::sync::Arc<str>", "Vec<String>"] {
            assert!(is_plain(&ty(text)), "{text}");
        }
        for text in ["Page", "Result<u8, u8>", "Option<Page>", "Rc<str>", "&str", "my::u64", "String<u8>", "Vec<T>"] {
            assert!(!is_plain(&ty(text)), "{text}");
        }
    }

    #[test]
    fn certainties() {
        assert!(is_certainly_not(&ty("u8"), "Result"));
        assert!(is_certainly_not(&ty("Option<u8>"), "Result"));
        assert!(!is_certainly_not(&ty("io::Result<u8>"), "Result"));
        assert!(!is_certainly_not(&ty("Fallible<u8>"), "Result"));
        assert!(is_certainly_not(&ty("()"), "Option"));
    }
}
