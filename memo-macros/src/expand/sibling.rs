//! The hidden siblings, through which a call's address reaches key and store.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Generics, Receiver, ReceiverKind};

use super::key::{self, KeyCode};
use super::stand_in::StandIn;
use super::{
    GuardOf, cached, depends, extras, guard, is_renamed, kept_type, kind, marker, module, ours, patterns_for, quiet,
    repeated, site,
};
use crate::address::{self, bundled};
use crate::plan::Plan;
use crate::scan;
use crate::signature::{Param, Pattern};

/// A generated function, in pieces: a trait wants the signature alone.
pub(super) struct Sibling {
    attrs: TokenStream,
    vis: TokenStream,
    name: Ident,
    inputs: Inputs,
    then: TokenStream,
    body: TokenStream,
}

impl ToTokens for Sibling {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attrs, vis, body, .. } = self;
        let signature = self.signature(&self.inputs.defined());
        tokens.extend(quote_spanned!(Span::mixed_site()=> #attrs #[inline] #vis #signature { #body }));
    }
}

impl Sibling {
    /// As a method that a trait declares.
    pub(super) fn declaration(&self) -> TokenStream {
        let (attrs, signature) = (&self.attrs, self.signature(&self.inputs.declared()));
        quote!(#attrs #signature;)
    }

    /// As a method of a trait's impl.
    pub(super) fn method(&self) -> TokenStream {
        let Self { attrs, body, .. } = self;
        let signature = self.signature(&self.inputs.defined());
        quote_spanned!(Span::mixed_site()=> #attrs #[inline] #signature { #body })
    }

    fn signature(&self, inputs: &[TokenStream]) -> TokenStream {
        let Self { name, then, .. } = self;
        let (generics, where_clause) = (repeated(&self.inputs.generics), repeated(&self.inputs.generics.where_clause));
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
    let forward = forwarding(plan, Ident::new(address::HANDLE, ours(handle.span())), None, &[]);
    Some(quote_spanned! {Span::mixed_site()=>
        #attrs
        #[doc = #doc]
        #vis struct #name;
        #attrs
        impl #name { #forward }
    })
}

/// What a path reaches: makes key and extras as the function does, and hands the address on.
fn addressed(plan: &Plan<'_>) -> Sibling {
    let expressions = plan.address_expressions();
    let probes = quiet(plan);
    let kind = kind(plan, &probes);
    let KeyCode { lets, key } = key::key(plan, &probes);
    let guard = guard(plan, GuardOf::Address);
    let store = store(plan, &extras::of_sibling(plan, &probes));
    let patterns = patterns_for(plan, &expressions);
    let used = used_names(plan, &expressions);
    let (declaration, marker) = (site::declaration(plan), marker(plan));
    let depends = depends(plan);
    let bindings = quote!(#patterns #used #depends #lets);
    let body = if let Some(cache) = plan.cache() {
        cached::addressed(plan, cache, &cached::Parts { bindings, marker, kind, key, guard }, &store)
    } else {
        let module = module(plan);
        quote_spanned! {Span::mixed_site()=>
            #declaration
            #bindings
            #module::address(
                __MEMO_DECLARED,
                #marker,
                #kind,
                &#key,
                #guard,
                &#store,
                then,
            );
        }
    };
    let mut inputs = Inputs::new(plan);
    match plan.analysis.receiver {
        Some(receiver) if uses_receiver(plan) => inputs.receiver = Some(used_receiver(receiver)),
        Some(receiver) => inputs.push(quote!(_), &StandIn::receiver(plan, receiver)),
        None => {}
    }
    for param in &plan.analysis.params {
        let role = role(plan, param, &expressions);
        inputs.push(pattern(plan, param, &role), &input_type(plan, param, &role));
    }
    sibling(plan, path_name(plan), inputs, body)
}

/// What stores a value at the address, on the terms that the attribute states.
fn store(plan: &Plan<'_>, chain: &TokenStream) -> TokenStream {
    let private = &plan.private;
    if chain.is_empty() {
        quote_spanned!(Span::mixed_site()=> #private::unchanged)
    } else {
        quote_spanned!(Span::mixed_site()=> |set| set.store(set.extras() #chain))
    }
}

/// What a method call reaches.
fn dotted(plan: &Plan<'_>) -> Sibling {
    let (receiver, forwarded) = match plan.analysis.receiver {
        Some(receiver) if uses_receiver(plan) => {
            let word = receiver.self_token;
            (used_receiver(receiver), quote!(#word))
        }
        _ => {
            let private = &plan.private;
            (quote_spanned!(Span::mixed_site()=> &self), quote!(#private::Any))
        }
    };
    forwarding(plan, dot_name(plan), Some(receiver), &[forwarded])
}

/// A sibling that calls the first one.
fn forwarding(plan: &Plan<'_>, name: Ident, receiver: Option<TokenStream>, first: &[TokenStream]) -> Sibling {
    let expressions = plan.address_expressions();
    let target = path_name(plan);
    let target = if receiver.is_some() { quote!(Self::#target) } else { quote!(#target) };
    let mut inputs = Inputs::new(plan);
    inputs.receiver = receiver;
    let mut arguments = first.to_vec();
    for param in &plan.analysis.params {
        let name = positional(param);
        let ty = input_type(plan, param, &role(plan, param, &expressions));
        inputs.push(quote!(#name), &ty);
        arguments.push(quote!(#name));
    }
    let types = plan.analysis.type_params().chain(plan.analysis.const_params().map(|(name, _)| name));
    let types: Vec<_> = types.map(repeated).collect();
    let turbofish = (!types.is_empty()).then(|| quote!(::<#(#types),*>));
    let arguments = bundled(0, Span::mixed_site(), arguments);
    let body = quote_spanned!(Span::mixed_site()=> #target #turbofish(#(#arguments,)* then););
    sibling(plan, name, inputs, body)
}

fn sibling(plan: &Plan<'_>, name: Ident, inputs: Inputs, body: TokenStream) -> Sibling {
    let (module, kept) = (module(plan), kept_type(plan));
    let cfg = cfg_attributes(plan);
    Sibling {
        attrs: quote!(#cfg #[doc(hidden)]),
        vis: repeated(&plan.function.vis),
        name,
        inputs,
        then: quote_spanned!(Span::mixed_site()=> then: &mut dyn ::core::ops::FnMut(&#module::Address<'_, #kept>)),
        body,
    }
}

/// The parameters of a sibling, and the generics that they need.
struct Inputs {
    generics: Generics,
    receiver: Option<TokenStream>,
    patterns: Vec<TokenStream>,
    types: Vec<TokenStream>,
}

impl Inputs {
    fn new(plan: &Plan<'_>) -> Self {
        Self { generics: plan.analysis.sig.generics.clone(), receiver: None, patterns: Vec::new(), types: Vec::new() }
    }

    fn push(&mut self, pattern: TokenStream, ty: &StandIn) {
        ty.declare(&mut self.generics);
        self.patterns.push(pattern);
        self.types.push(ty.ty.clone());
    }

    /// As a function with a body has them.
    fn defined(&self) -> Vec<TokenStream> {
        self.list(self.bundled(&self.patterns))
    }

    /// As a declaration has them, where patterns are not allowed.
    fn declared(&self) -> Vec<TokenStream> {
        self.list(vec![quote!(_); self.bundled(&self.patterns).len()])
    }

    fn list(&self, patterns: Vec<TokenStream>) -> Vec<TokenStream> {
        let inputs = patterns.into_iter().zip(self.bundled(&self.types)).map(|(pattern, ty)| quote!(#pattern: #ty));
        self.receiver.iter().cloned().chain(inputs).collect()
    }

    fn bundled(&self, list: &[TokenStream]) -> Vec<TokenStream> {
        bundled(usize::from(self.receiver.is_some()), Span::mixed_site(), list.to_vec())
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

/// What stands before the colon.
fn pattern(plan: &Plan<'_>, param: &Param, role: &Role) -> TokenStream {
    match (role, &param.pattern) {
        (Role::Used, Pattern::Destructured(pattern, _)) if !is_renamed(plan, param) => {
            quote!(#pattern)
        }
        (Role::Used, _) => param.ident.to_token_stream(),
        _ => quote!(_),
    }
}

fn input_type(plan: &Plan<'_>, param: &Param, role: &Role) -> StandIn {
    match role {
        Role::Used => StandIn::real(&param.ty),
        Role::Stands => StandIn::generic(plan, param),
        Role::Ignored => StandIn::ignored(),
    }
}

/// Names that a pattern binds beside the one that is wanted.
fn used_names(plan: &Plan<'_>, expressions: &TokenStream) -> TokenStream {
    let params = plan.analysis.params.iter().filter(|param| !is_renamed(plan, param));
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

fn positional(param: &Param) -> Ident {
    format_ident!("arg{}", param.position, span = Span::mixed_site())
}

fn path_name(plan: &Plan<'_>) -> Ident {
    let name = &plan.analysis.sig.ident;
    address::by_path(name, ours(name.span()))
}

fn dot_name(plan: &Plan<'_>) -> Ident {
    let name = &plan.analysis.sig.ident;
    address::by_dot(name, ours(name.span()))
}

/// What is compiled out takes its siblings along.
fn cfg_attributes(plan: &Plan<'_>) -> TokenStream {
    let is_cfg = |attribute: &&Attribute| attribute.path().is_ident("cfg");
    plan.function.attrs.iter().filter(is_cfg).map(ToTokens::to_token_stream).collect()
}
