//! Parameters of an address for what the key leaves out: a real argument, or `_`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote};
use syn::{GenericParam, Generics, Lifetime, LifetimeParam, Receiver, ReceiverKind, Type, TypeParamBound};

use super::repeated;
use crate::plan::Plan;
use crate::signature::Param;
use crate::types;

/// A type that real arguments and `P::Any` both fit.
pub(super) struct StandIn {
    pub(super) ty: TokenStream,
    /// The lifetime of its reference, and what is behind the reference.
    borrow: Option<(Lifetime, TokenStream)>,
}

impl StandIn {
    pub(super) fn receiver(plan: &Plan<'_>, receiver: &Receiver) -> Self {
        let private = &plan.private;
        match &receiver.kind {
            ReceiverKind::Reference(_, _, mutability) => {
                Self::behind(private, 0, &mutability.to_token_stream(), quote!(Self))
            }
            ReceiverKind::Typed(_, ty) => Self::of(private, 0, ty),
            // Nothing can fit both a type by value and `_`.
            _ => Self::ignored(),
        }
    }

    /// A parameter whose type names a generic of the function, which a real argument lets infer.
    pub(super) fn generic(plan: &Plan<'_>, param: &Param) -> Self {
        Self::of(&plan.private, param.position, &param.ty)
    }

    /// The parameter as it is: the address needs it.
    pub(super) fn real(ty: &Type) -> Self {
        Self::plain(repeated(ty))
    }

    /// Anything at all.
    pub(super) fn ignored() -> Self {
        Self::plain(quote!(impl ::core::marker::Sized))
    }

    /// Lifetimes inside of other types stay out of it: they would ask for bounds that the function doesn't have.
    fn of(private: &TokenStream, position: usize, ty: &Type) -> Self {
        match types::bare(ty) {
            Type::Reference(reference) if types::is_unborrowed(&reference.elem) => {
                Self::behind(private, position, &reference.mutability.to_token_stream(), repeated(&reference.elem))
            }
            _ if types::is_unborrowed(ty) && is_pointer(ty) => {
                let ty = repeated(ty);
                Self::plain(quote!(impl #private::Stands<#ty>))
            }
            _ => Self::ignored(),
        }
    }

    fn plain(ty: TokenStream) -> Self {
        Self { ty, borrow: None }
    }

    fn behind(private: &TokenStream, position: usize, mutability: &TokenStream, inner: TokenStream) -> Self {
        let name = format_ident!("memo{position}");
        let lifetime = Lifetime::new(&format!("'{name}"), Span::mixed_site());
        Self { ty: quote!(impl #private::Stands<&#lifetime #mutability #inner>), borrow: Some((lifetime, inner)) }
    }

    /// Declares the lifetime: an elided one is not allowed in `impl Trait`.
    pub(super) fn declare(&self, generics: &mut Generics) {
        let Some((lifetime, inner)) = &self.borrow else {
            return;
        };
        let param = GenericParam::Lifetime(LifetimeParam::new(lifetime.clone()));
        generics.params.insert(0, param);
        let name = inner.to_string();
        let written_inline = generics.type_params_mut().find(|param| !param.bounds.is_empty() && param.ident == name);
        if let Some(param) = written_inline {
            param.bounds.push(TypeParamBound::Lifetime(lifetime.clone()));
        } else {
            let predicates = &mut generics.make_where_clause().predicates;
            predicates.push(syn::parse_quote!(#inner: #lifetime));
        }
    }
}

/// The pointers for which `P::Any` is known to stand. For other types by value it can't, since nothing fits both any type and
/// `P::Any`; their generics have to be named.
fn is_pointer(ty: &Type) -> bool {
    let Type::Path(path) = types::bare(ty) else {
        return false;
    };
    path.path.segments.last().is_some_and(|last| ["Arc", "Rc", "Box"].iter().any(|name| last.ident == name))
}
