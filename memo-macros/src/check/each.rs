//! Rules about functions that compute several keys at once.

use proc_macro2::Ident;
use syn::ReceiverKind;
use syn::spanned::Spanned as _;

use super::Rules;
use crate::errors::shown;
use crate::options::Given;
use crate::scan;
use crate::signature::{Form, Param};
use crate::types::{self, Collected};

impl Rules<'_> {
    pub(super) fn several_keys(&self) {
        let Some(Given { value: name, .. }) = self.options.each.given() else { return };
        if name == "self" {
            self.cx.error(
                name.span(),
                "`each` names the parameter with the keys, a slice like `ids: &[u64]`; `self` is none",
            );
            return;
        }
        self.known_name("each", name);
        if let Some(param) = self.analysis.params.iter().find(|param| param.is_called(name)) {
            self.keys_are_a_slice(param);
            self.keys_are_told_apart(name);
        }
        self.a_value_for_each();
        self.errors_of_all();
        self.runs_again();
        self.depends_on_nothing();
    }

    /// Whether it is the parameter that `each` names.
    pub(super) fn is_each(&self, param: &Param) -> bool {
        self.options.each.value().is_some_and(|name| param.is_called(name))
    }

    fn keys_are_a_slice(&self, param: &Param) {
        if types::slice_element(&param.ty).is_none() {
            self.cx.error_at(
                &param.ty,
                format!(
                    "`each` takes its keys from a slice, like `{}: &[u64]`, but this is `{}`",
                    param.ident,
                    shown(&param.ty)
                ),
            );
        }
    }

    fn keys_are_told_apart(&self, name: &Ident) {
        if let Some(excluded) = self.options.exclude.iter().find(|excluded| *excluded == name) {
            self.cx.error(
                excluded.span(),
                format!(
                    "`{name}` is what tells the keys of `each` apart, so it can't be excluded; remove one of the two"
                ),
            );
        }
        if let Some(key) = self.options.key.value()
            && !scan::mentions(quote::ToTokens::to_token_stream(key), &name.to_string())
        {
            self.cx.error_at(
                key,
                format!("with this key all elements of `{name}` are one; `{name}` stands for one of them here: `key = ({name}, …)`"),
            );
        }
    }

    fn a_value_for_each(&self) {
        let output = &self.analysis.output;
        let is_none_of_them = ["Vec", "HashMap", "Result"].iter().all(|name| types::is_certainly_not(output, name));
        if is_none_of_them {
            self.cx.error_at(
                output,
                format!(
                    "`each` needs a value for every key, but `{}` returns `{}`; return a `Vec` with one for each, a `HashMap` of those that were found, or a `Result` of one of them",
                    self.analysis.name(),
                    shown(output)
                ),
            );
        }
        if let Some(Collected { value, is_in_result: false, is_map: false }) = types::collected(output)
            && types::last_segment(value).is_some_and(|last| last.ident == "Result")
        {
            self.cx.error_at(
                output,
                "a `Result` for each key can't be kept in part; return `Result<Vec<…>, …>`, or `Vec<Option<…>>`",
            );
        }
    }

    /// What a map lacks is no error of its key.
    fn errors_of_all(&self) {
        let Some(Collected { is_map: true, is_in_result: true, .. }) = types::collected(&self.analysis.output) else {
            return;
        };
        for word in [self.options.cache_err.word(), self.options.err_ttl.word()].into_iter().flatten() {
            self.cx.error(
                word.span(),
                format!(
                    "`{word}` keeps an error for each key, which a map has no place for; return `Result<Vec<…>, …>`"
                ),
            );
        }
    }

    /// If another call computes some of the keys and fails, the body is run once more.
    fn runs_again(&self) {
        let Some(receiver) = self.analysis.receiver else { return };
        let is_kept = match &receiver.kind {
            ReceiverKind::Reference(_, _, None) => true,
            ReceiverKind::Reference(_, _, Some(_)) => matches!(self.analysis.form, Form::Plain | Form::AsyncFn),
            _ => false,
        };
        if !is_kept {
            self.cx.error(
                receiver.span(),
                "`each` may run the body of one call several times, which can have this receiver only once; take `&self`",
            );
        }
    }

    /// A probe is looked at once per call, which here has many entries.
    fn depends_on_nothing(&self) {
        if let Some(probe) = self.options.dependency.first() {
            self.cx.error_at(
                probe,
                "`dependency` is about one entry, and `each` has many; let a function of one key have the probe, or put what it sees \
                 into the `key`",
            );
        }
    }
}
