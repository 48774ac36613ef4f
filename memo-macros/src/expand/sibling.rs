//! The hidden siblings, through which a call's address reaches key and store.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Receiver, ReceiverKind, Type};

use super::key::{self, KeyCode};
use super::{
    extras, guard, is_renamed, kept_type, kind, marker, module, ours, patterns_for, quiet, repeated, site,
};
use crate::plan::Plan;
use crate::scan;
use crate::signature::{Param, Pattern};
use crate::types;

/// A generated function, in pieces: a trait wants the signature alone.
pub(super) struct Sibling {
    attrs: TokenStream,
    vis: TokenStream,
    name: Ident,
    generics: TokenStream,
    where_clause: TokenStream,
    /// What a declaration without a body shows, and what the definition has.
    declared: Vec<TokenStream>,
    inputs: Vec<TokenStream>,
    then: TokenStream,
    body: TokenStream,
}

impl ToTokens for Sibling {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            attrs, vis, body, ..
        } = self;
        let signature = self.signature(&self.inputs);
        tokens.extend(quote_spanned!(Span::mixed_site()=> #attrs #vis #signature { #body }));
    }
}

impl Sibling {
    /// As a method that a trait declares.
    pub(super) fn declaration(&self) -> TokenStream {
        let (attrs, signature) = (&self.attrs, self.signature(&self.declared));
        quote!(#attrs #signature;)
    }

    /// As a method of a trait's impl.
    pub(super) fn method(&self) -> TokenStream {
        let Self { attrs, body, .. } = self;
        let signature = self.signature(&self.inputs);
        quote_spanned!(Span::mixed_site()=> #attrs #signature { #body })
    }

    fn signature(&self, inputs: &[TokenStream]) -> TokenStream {
        let Self {
            name,
            generics,
            where_clause,
            then,
            ..
        } = self;
        quote_spanned!(Span::mixed_site()=> fn #name #generics(#(#inputs,)* #then) #where_clause)
    }
}

/// The sibling that a path reaches, and for methods the one that a method call reaches.
pub(super) fn siblings(plan: &Plan<'_>) -> Vec<Sibling> {
    let mut siblings = vec![addressed(plan)];
    if plan.analysis.receiver.is_some() {
        siblings.push(dotted(plan));
    }
    siblings
}

/// The handle: a type beside the function through which it can be re-exported.
pub(super) fn handle(plan: &Plan<'_>) -> Option<TokenStream> {
    let handle = plan.handle.as_ref()?;
    let name = Ident::new(&handle.to_string(), ours(handle.span()));
    let vis = repeated(&plan.function.vis);
    let attrs = cfg_attributes(plan);
    let doc = format!(
        "Names the entries of [`{0}`] in `cache_get!({1}(…))` and the like, where `{0}` is out of reach.",
        plan.analysis.sig.ident, handle
    );
    let forward = forwarding(
        plan,
        format_ident!("__memo_handle", span = ours(handle.span())),
        None,
        &[],
    );
    Some(quote_spanned! {Span::mixed_site()=>
        #attrs
        #[doc = #doc]
        #vis struct #name;
        #attrs
        impl #name { #forward }
    })
}

/// `__memo_f`: makes key and extras as the function does, and hands the address on.
fn addressed(plan: &Plan<'_>) -> Sibling {
    let expressions = plan.address_expressions();
    let probes = quiet(plan);
    let (module, marker, kind) = (module(plan), marker(plan), kind(plan, &probes));
    let KeyCode { lets, key } = key::key(plan, &probes);
    let guard = guard(plan, &probes);
    let chain = extras::of_sibling(plan, &probes);
    let patterns = patterns_for(plan, &expressions);
    let used = used_names(plan, &expressions);
    let site = site::site(plan, false);
    let body = quote_spanned! {Span::mixed_site()=>
        #site
        #patterns
        #used
        #lets
        #module::address(
            &__MEMO_SITE,
            #marker,
            #kind,
            &#key,
            &#guard,
            &|set| set.store(&set.extras() #chain),
            then,
        );
    };
    let mut declared = Vec::new();
    let mut inputs = Vec::new();
    if let Some(receiver) = plan.analysis.receiver {
        let input = if uses_receiver(plan) {
            used_receiver(receiver)
        } else {
            stand_in(plan, receiver)
        };
        declared.push(input.clone());
        inputs.push(input);
    }
    for param in &plan.analysis.params {
        let role = role(plan, param, &expressions);
        declared.push(input(plan, param, &role, true));
        inputs.push(input(plan, param, &role, false));
    }
    sibling(plan, sibling_name("__memo_", plan), inputs, declared, body)
}

/// `__memo_dot_f`: what a method call reaches.
fn dotted(plan: &Plan<'_>) -> Sibling {
    let (receiver, forwarded) = match plan.analysis.receiver {
        Some(receiver) if uses_receiver(plan) => {
            let word = receiver.self_token;
            (used_receiver(receiver), quote!(#word))
        }
        _ => {
            let private = &plan.private;
            (
                quote_spanned!(Span::mixed_site()=> &self),
                quote!(#private::Any),
            )
        }
    };
    forwarding(
        plan,
        sibling_name("__memo_dot_", plan),
        Some(receiver),
        &[forwarded],
    )
}

/// A sibling that calls the first one.
fn forwarding(
    plan: &Plan<'_>,
    name: Ident,
    receiver: Option<TokenStream>,
    first: &[TokenStream],
) -> Sibling {
    let expressions = plan.address_expressions();
    let target = sibling_name("__memo_", plan);
    let target = if receiver.is_some() {
        quote!(Self::#target)
    } else {
        quote!(#target)
    };
    let mut inputs: Vec<TokenStream> = receiver.into_iter().collect();
    let mut arguments = first.to_vec();
    for param in &plan.analysis.params {
        let name = positional(param);
        let ty = input_type(plan, param, &role(plan, param, &expressions));
        inputs.push(quote!(#name: #ty));
        arguments.push(quote!(#name));
    }
    let types = plan
        .analysis
        .type_params()
        .chain(plan.analysis.const_params().map(|(name, _)| name));
    let types: Vec<_> = types.map(repeated).collect();
    let turbofish = (!types.is_empty()).then(|| quote!(::<#(#types),*>));
    let body = quote_spanned!(Span::mixed_site()=> #target #turbofish(#(#arguments,)* then););
    sibling(plan, name, inputs.clone(), inputs, body)
}

fn sibling(
    plan: &Plan<'_>,
    name: Ident,
    inputs: Vec<TokenStream>,
    declared: Vec<TokenStream>,
    body: TokenStream,
) -> Sibling {
    let (module, kept) = (module(plan), kept_type(plan));
    let generics = &plan.analysis.sig.generics;
    let cfg = cfg_attributes(plan);
    Sibling {
        attrs: quote!(#cfg #[doc(hidden)] #[inline]),
        vis: repeated(&plan.function.vis),
        name,
        generics: repeated(generics),
        where_clause: repeated(&generics.where_clause),
        declared,
        inputs,
        then: quote_spanned!(Span::mixed_site()=> then: &mut dyn ::core::ops::FnMut(&#module::Address<'_, #kept>)),
        body,
    }
}

/// What a parameter is for an address.
enum Role {
    /// A part of the key, or mentioned by an expression.
    Used,
    /// Its type names a generic that may have to be inferred from it.
    Stands,
    Ignored,
}

fn role(plan: &Plan<'_>, param: &Param, expressions: &TokenStream) -> Role {
    if plan.is_in_key(param) || scan::mentions_any(expressions, param.names()) {
        Role::Used
    } else if plan.analysis.is_generic(&param.ty) {
        Role::Stands
    } else {
        Role::Ignored
    }
}

fn input(plan: &Plan<'_>, param: &Param, role: &Role, declared: bool) -> TokenStream {
    let ty = input_type(plan, param, role);
    let pattern = match (role, &param.pattern) {
        (Role::Used, Pattern::Destructured(pattern, _))
            if !is_renamed(plan, param) && !declared =>
        {
            quote!(#pattern)
        }
        (Role::Used, _) => param.ident.to_token_stream(),
        _ => quote!(_),
    };
    quote!(#pattern: #ty)
}

fn input_type(plan: &Plan<'_>, param: &Param, role: &Role) -> TokenStream {
    let (private, ty) = (&plan.private, repeated(&param.ty));
    match role {
        Role::Used => ty,
        Role::Stands => standing(private, &param.ty),
        Role::Ignored => quote!(impl ::core::marker::Sized),
    }
}

/// Names that a pattern binds beside the one that is wanted.
fn used_names(plan: &Plan<'_>, expressions: &TokenStream) -> TokenStream {
    let params = plan
        .analysis
        .params
        .iter()
        .filter(|param| !is_renamed(plan, param));
    let names = params.filter_map(|param| match &param.pattern {
        Pattern::Destructured(_, names) if scan::mentions_any(expressions, names) => Some(names),
        _ => None,
    });
    let names: Vec<&Ident> = names.flatten().collect();
    if names.is_empty() {
        return TokenStream::new();
    }
    quote_spanned!(Span::mixed_site()=> let _ = (#(&#names,)*);)
}

fn uses_receiver(plan: &Plan<'_>) -> bool {
    scan::mentions(plan.address_expressions(), "self")
}

/// The receiver as expressions see it; looking never needs `&mut`.
fn used_receiver(receiver: &Receiver) -> TokenStream {
    let word = receiver.self_token;
    match &receiver.kind {
        ReceiverKind::Reference(and, lifetime, _) => quote!(#and #lifetime #word),
        ReceiverKind::Typed(colon, ty) => quote!(#word #colon #ty),
        _ => quote!(#word),
    }
}

/// A receiver that may be left open.
fn stand_in(plan: &Plan<'_>, receiver: &Receiver) -> TokenStream {
    let private = &plan.private;
    let ty = match &receiver.kind {
        ReceiverKind::Reference(..) => quote!(impl #private::StandsRef<Self>),
        ReceiverKind::Typed(_, ty) => standing(private, ty),
        _ => quote!(impl #private::Stands<Self>),
    };
    quote!(_: #ty)
}

/// A type that a real argument gives, or `_`. The trait takes no borrowed types: their lifetimes would have to
/// be named, and would ask for bounds that the function doesn't have.
fn standing(private: &TokenStream, ty: &Type) -> TokenStream {
    match types::bare(ty) {
        Type::Reference(reference) if types::is_unborrowed(&reference.elem) => {
            let inner = repeated(&reference.elem);
            quote!(impl #private::StandsRef<#inner>)
        }
        _ if types::is_unborrowed(ty) => {
            let ty = repeated(ty);
            quote!(impl #private::Stands<#ty>)
        }
        _ => quote!(impl ::core::marker::Sized),
    }
}

fn positional(param: &Param) -> Ident {
    format_ident!("arg{}", param.position, span = Span::mixed_site())
}

fn sibling_name(prefix: &str, plan: &Plan<'_>) -> Ident {
    Ident::new(
        &format!("{prefix}{}", plan.analysis.name()),
        ours(plan.analysis.sig.ident.span()),
    )
}

/// What is compiled out takes its siblings along.
fn cfg_attributes(plan: &Plan<'_>) -> TokenStream {
    let is_cfg = |attribute: &&Attribute| attribute.path().is_ident("cfg");
    plan.function
        .attrs
        .iter()
        .filter(is_cfg)
        .map(ToTokens::to_token_stream)
        .collect()
}
