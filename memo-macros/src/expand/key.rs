//! The key expression: shapes decided by syntax, leaves decided by the runtime's probes.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Expr, Type};

use super::{Probes, at, ours};
use crate::options::{Place, bare};
use crate::plan::{Key, Part, Plan};
use crate::signature::{Param, Pattern};
use crate::types;

/// The key, and what must be bound before it.
pub(super) struct KeyCode {
    pub(super) lets: TokenStream,
    pub(super) key: TokenStream,
}

/// How many parts a tuple takes before its tail is nested.
const WIDTH: usize = 12;

/// Where constructors of shapes are, and where the probes for leaves are.
struct Paths<'a> {
    private: &'a TokenStream,
    probes: &'a TokenStream,
}

struct Leaf {
    shape: TokenStream,
    place: TokenStream,
    span: Span,
}

impl Leaf {
    /// Asks that stores can hold it.
    fn write(&mut self, private: &TokenStream, probes: &Probes) {
        let Self { shape, place, span } = &*self;
        let private = at(*span, private);
        self.shape = if probes.speaks {
            quote_spanned!(*span=> #private::stored::part!(#place, #shape))
        } else {
            quote_spanned!(*span=> #private::stored::quiet_part!(#place, #shape))
        };
    }
}

pub(super) fn key(plan: &Plan<'_>, probes: &Probes) -> KeyCode {
    let (private, path) = (&plan.private, &probes.path);
    let (lets, mut leaves): (_, Vec<Leaf>) = match &plan.key {
        Key::Arguments(parts) => (TokenStream::new(), parts.iter().map(|part| leaf(plan, path, part)).collect()),
        Key::Computed(elements) => computed(plan, path, elements),
    };
    if plan.outside().is_some() {
        for leaf in &mut leaves {
            leaf.write(private, probes);
        }
    }
    let (shapes, places) = nested(private, &leaves);
    KeyCode { lets, key: quote_spanned!(Span::mixed_site()=> #private::key(#shapes, #places)) }
}

/// The user's key, each element bound to a name first. Those that are an argument have one.
fn computed(plan: &Plan<'_>, probes: &TokenStream, elements: &[Expr]) -> (TokenStream, Vec<Leaf>) {
    let mut lets = TokenStream::new();
    let mut leaves = Vec::new();
    for (place, element) in elements.iter().enumerate() {
        let span = ours(element.span());
        if let Some(param) = plan.analysis.named_by(element) {
            leaves.push(argument(plan, probes, param, element));
            continue;
        }
        let probes = at(span, probes);
        let name = format_ident!("k{place}", span = Span::mixed_site());
        lets.extend(quote_spanned!(span=> let #name = #element;));
        leaves.push(Leaf {
            shape: quote_spanned!(span=> #probes::leaf!(#name)),
            place: quote_spanned!(span=> &#name),
            span,
        });
    }
    (lets, leaves)
}

/// An element of the user's key that is an argument, which is not moved.
fn argument(plan: &Plan<'_>, probes: &TokenStream, param: &Param, element: &Expr) -> Leaf {
    let (span, place) = (ours(element.span()), bare(element));
    let shape = match param.pattern {
        Pattern::Name => shape(&Paths { private: &plan.private, probes }, &param.ty, place, span),
        Pattern::Wild | Pattern::Destructured(..) => {
            let probes = at(span, probes);
            quote_spanned!(span=> #probes::leaf!(#place))
        }
    };
    Leaf { shape, place: quote_spanned!(span=> &#place), span }
}

fn leaf(plan: &Plan<'_>, probes: &TokenStream, part: &Part) -> Leaf {
    let private = &plan.private;
    match part {
        Part::Param(param) => {
            let (ident, span) = (&param.ident, word_span(param));
            Leaf {
                shape: shape(&Paths { private, probes }, &param.ty, ident, span),
                place: quote_spanned!(span=> &#ident),
                span,
            }
        }
        Part::ParamIfKey(param) => {
            let (ident, span) = (&param.ident, word_span(param));
            let shape = quote_spanned!(span=> #probes::leaf_or_skip!(#ident));
            Leaf { shape, place: quote_spanned!(span=> &#ident), span }
        }
        Part::Place(place) => place_leaf(plan, probes, place),
    }
}

fn place_leaf(plan: &Plan<'_>, probes: &TokenStream, place: &Place) -> Leaf {
    let (expr, span) = (&place.expr, ours(place.root.span()));
    let probes = at(span, probes);
    // A `&mut self` is looked at through a shared borrow.
    let place = if !place.is_field && place.root == "self" && plan.analysis.has_mutable_receiver() {
        quote_spanned!(span=> (&*#expr))
    } else {
        expr.to_token_stream()
    };
    Leaf { shape: quote_spanned!(span=> #probes::leaf!(#place)), place: quote_spanned!(span=> &#place), span }
}

/// A parameter's name, or its type where the name is ours.
fn word_span(param: &Param) -> Span {
    match param.pattern {
        Pattern::Destructured(..) => ours(param.ty.span()),
        Pattern::Name | Pattern::Wild => ours(param.ident.span()),
    }
}

fn shape(paths: &Paths<'_>, ty: &Type, place: &impl ToTokens, span: Span) -> TokenStream {
    if let Some(shape) = certain(paths, ty, span) {
        return shape;
    }
    if !types::has_impl(ty)
        && let Some(shape) = composite(paths, ty, span)
    {
        return shape;
    }
    let probes = at(span, paths.probes);
    quote_spanned!(span=> #probes::leaf!(#place))
}

/// The shape of a type that needs no probe, which takes the compiler a while: a primitive, or `&str`.
fn certain(paths: &Paths<'_>, ty: &Type, span: Span) -> Option<TokenStream> {
    let private = at(span, paths.private);
    let shape = match (types::primitive(ty).as_deref(), types::bare(ty)) {
        (Some("f32" | "f64"), _) => "Float",
        (Some(_), _) => "Val",
        (None, Type::Reference(reference)) if reference.mutability.is_none() && types::is_str(&reference.elem) => "Ref",
        _ => return None,
    };
    let shape = format_ident!("{shape}", span = span);
    Some(quote_spanned!(span=> #private::#shape))
}

/// The shape of a type whose insides have to be looked at one by one; `None` for a leaf.
fn composite(paths: &Paths<'_>, ty: &Type, span: Span) -> Option<TokenStream> {
    let private = paths.private;
    let of = |name: &str, inner: &Type| {
        types::needs_shape(inner).then(|| {
            let (constructor, inner) = (format_ident!("{name}", span = span), inner_shape(paths, inner, span));
            quote_spanned!(span=> #private::#constructor(#inner))
        })
    };
    match types::bare(ty) {
        Type::Path(_) => {
            let last = types::last_segment(ty)?;
            let [inner] = types::type_arguments(last)[..] else {
                return None;
            };
            match last.ident.to_string().as_str() {
                "Option" => of("Opt", inner),
                "Vec" => of("Seq", inner),
                _ => None,
            }
        }
        Type::Slice(slice) => of("Seq", &slice.elem),
        Type::Array(array) => of("Arr", &array.elem),
        Type::Reference(reference) => {
            let inner = composite(paths, &reference.elem, span)?;
            Some(quote_spanned!(span=> #private::RefOf(#inner)))
        }
        Type::Tuple(tuple) if (2..=WIDTH).contains(&tuple.elems.len()) && types::needs_shape(ty) => {
            let inner = tuple.elems.iter().map(|element| inner_shape(paths, element, span));
            Some(quote_spanned!(span=> #private::Tup((#(#inner,)*))))
        }
        _ => None,
    }
}

fn inner_shape(paths: &Paths<'_>, ty: &Type, span: Span) -> TokenStream {
    certain(paths, ty, span).or_else(|| composite(paths, ty, span)).unwrap_or_else(|| {
        let (probes, ty) = (at(span, paths.probes), super::repeated(ty));
        quote_spanned!(span=> #probes::leaf_of!(#ty))
    })
}

/// The tuples of shapes and of places, their tails nested where they are too long.
fn nested(private: &TokenStream, leaves: &[Leaf]) -> (TokenStream, TokenStream) {
    let direct = if leaves.len() > WIDTH { WIDTH - 1 } else { leaves.len() };
    let (head, tail) = leaves.split_at(direct);
    let shapes = head.iter().map(|leaf| &leaf.shape);
    let places = head.iter().map(|leaf| &leaf.place);
    if tail.is_empty() {
        return if head.is_empty() {
            (quote!(()), quote!(()))
        } else {
            (quote!((#(#shapes,)*)), quote!((#(#places,)*)))
        };
    }
    let (tail_shapes, tail_places) = nested(private, tail);
    (quote!((#(#shapes,)* #private::Rest(#tail_shapes),)), quote!((#(#places,)* &#tail_places,)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape_of(ty: &str) -> String {
        let ty: Type = syn::parse_str(ty).expect(ty);
        shape(&Paths { private: &quote!(P), probes: &quote!(P) }, &ty, &format_ident!("x"), Span::call_site())
            .to_string()
            .replace(' ', "")
    }

    #[test]
    fn some_types_need_no_probe() {
        for (ty, shape) in [("u64", "P::Val"), ("f64", "P::Float"), ("&str", "P::Ref"), ("&'static str", "P::Ref")] {
            assert_eq!(shape_of(ty), shape, "{ty}");
        }
    }

    #[test]
    fn plain_types_are_leaves() {
        for ty in [
            "&mut str",
            "&u64",
            "my::u64",
            "&[u8]",
            "Option<u32>",
            "Vec<String>",
            "Cow<'_,str>",
            "HashMap<u8,f64>",
            "Option<impl Fn(&str)>",
        ] {
            assert_eq!(shape_of(ty), "P::leaf!(x)", "{ty}");
        }
    }

    #[test]
    fn borrowed_insides_are_composite() {
        assert_eq!(shape_of("Option<&str>"), "P::Opt(P::Ref)");
        assert_eq!(shape_of("&[&str]"), "P::RefOf(P::Seq(P::Ref))");
        assert_eq!(shape_of("Vec<f64>"), "P::Seq(P::Float)");
        assert_eq!(shape_of("[Option<&str>; 3]"), "P::Arr(P::Opt(P::Ref))");
        assert_eq!(shape_of("(&str, u8)"), "P::Tup((P::Ref,P::Val,))");
    }

    #[test]
    fn long_keys_are_nested() {
        let leaves: Vec<Leaf> = (0..13)
            .map(|at| Leaf {
                shape: format_ident!("s{at}").into_token_stream(),
                place: format_ident!("a{at}").into_token_stream(),
                span: Span::call_site(),
            })
            .collect();
        let (shapes, places) = nested(&quote!(P), &leaves);
        assert!(shapes.to_string().replace(' ', "").ends_with("s10,P::Rest((s11,s12,)),)"));
        assert!(places.to_string().replace(' ', "").ends_with("a10,&(a11,a12,),)"));
    }
}
