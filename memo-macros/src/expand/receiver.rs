//! The warning that a body uses a receiver which is not in the key.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use crate::plan::Plan;

/// Stable Rust lets a macro warn in one way: by using something deprecated. The use has the span of the user's
/// `self`, so that the lint levels of that place apply.
pub(super) fn warning(plan: &Plan<'_>) -> Option<TokenStream> {
    let span = plan.unmentioned_receiver?;
    let name = plan.analysis.name();
    let note = format!(
        "`{name}` uses `self`, which is not in the key: all receivers share its entries; add what matters with `include(self.field)`, or say `exclude(self)`"
    );
    let used = Ident::new("receiver_left_out_of_the_key", span);
    let declared = Ident::new("receiver_left_out_of_the_key", Span::mixed_site());
    let declaration = quote! {
        #[deprecated(note = #note)]
        const fn #declared() {}
    };
    Some(quote_spanned!(Span::mixed_site()=> const _: () = { #declaration #used() };))
}
