//! An impl block of a trait: its methods, and a hidden trait beside it for the siblings.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::GenericParam;

use super::sibling::{self, Sibling};
use super::{function, repeated};
use crate::item::{ImplItem, TraitImpl};
use crate::plan::Plan;

/// The block with its memoized methods, which come in order with their plans.
pub(crate) fn impl_block(block: &TraitImpl, plans: &[Plan<'_>]) -> TokenStream {
    let mut plans_left = plans.iter();
    let mut items = TokenStream::new();
    for item in &block.items {
        match item {
            ImplItem::Other(tokens) => items.extend(tokens.clone()),
            ImplItem::Memoized { .. } => items.extend(plans_left.next().map(function::function)),
        }
    }
    let mut braces = Group::new(Delimiter::Brace, items);
    braces.set_span(block.braces.span());
    let TraitImpl { attrs, unsafety, impl_token, generics, trait_path, for_token, self_ty, .. } = block;
    let where_clause = &generics.where_clause;
    let siblings: Vec<Sibling> = plans.iter().flat_map(sibling::siblings).collect();
    let hidden = hidden_trait(block, &siblings);
    quote! {
        #(#attrs)*
        #unsafety #impl_token #generics #trait_path #for_token #self_ty #where_clause #braces
        #hidden
    }
}

/// A trait of its own, because neither the user's trait nor a foreign type takes more methods. The user's trait
/// is its supertrait, so that `Self::Key` means what it means there.
fn hidden_trait(block: &TraitImpl, siblings: &[Sibling]) -> TokenStream {
    let name = hidden_name(block);
    let generics = repeated(&block.generics);
    let (arguments, where_clause) = (arguments(block), repeated(&block.generics.where_clause));
    let (supertrait, self_ty) = (repeated(&block.trait_path), repeated(&block.self_ty));
    let cfg: Vec<TokenStream> = block
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .map(quote::ToTokens::to_token_stream)
        .collect();
    let declarations = siblings.iter().map(Sibling::declaration);
    let methods = siblings.iter().map(Sibling::method);
    quote_spanned! {Span::mixed_site()=>
        #(#cfg)*
        #[doc(hidden)]
        pub trait #name #generics: #supertrait #where_clause {
            #(#declarations)*
        }
        #(#cfg)*
        #[doc(hidden)]
        impl #generics #name #arguments for #self_ty #where_clause {
            #(#methods)*
        }
    }
}

/// The block's own generics, as arguments.
fn arguments(block: &TraitImpl) -> TokenStream {
    let names = block.generics.params.iter().map(|param| match param {
        GenericParam::Lifetime(param) => repeated(&param.lifetime),
        GenericParam::Type(param) => repeated(&param.ident),
        GenericParam::Const(param) => repeated(&param.ident),
    });
    let names: Vec<TokenStream> = names.collect();
    if names.is_empty() { TokenStream::new() } else { quote!(<#(#names),*>) }
}

fn hidden_name(block: &TraitImpl) -> Ident {
    let trait_name = block.trait_path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    let type_name: String =
        block.self_ty.to_token_stream().to_string().chars().filter(|c| c.is_alphanumeric()).collect();
    let TraitImpl { generics, trait_path, self_ty, .. } = block;
    let where_clause = &generics.where_clause;
    let header = quote!(#generics #trait_path #self_ty #where_clause).to_string();
    Ident::new(&format!("__Memo_{trait_name}_for_{type_name}_{:08x}", hash(&header)), Span::mixed_site())
}

/// 32-bit FNV-1a: tells the blocks of one module apart.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
