//! The rules about what the key is made of.

use proc_macro2::Ident;

use super::Rules;
use crate::errors;
use crate::scan;
use crate::signature::{Param, Pattern};
use crate::suggest::did_you_mean;

impl Rules<'_> {
    pub(super) fn no_mutable_arguments(&self) {
        for param in &self.analysis.params {
            let included = self.options.include.iter().find(|place| !place.is_field && param.is_called(&place.root));
            let named =
                self.is_excluded(param) || param.is_underscored() || param.is_connection() || included.is_some();
            if param.is_mutable_reference() && !named && !self.is_each(param) && !self.options.key.is_given() {
                let name = shown(param);
                self.cx.error_at(
                    &param.ty,
                    format!(
                        "`{name}` is a `&mut` argument: a hit would leave it unchanged, so it can't be part of the key; say `exclude({name})`, or take it by `&`"
                    ),
                );
            }
            if let Some(place) = included.filter(|_| param.is_mutable_reference()) {
                self.cx.error(place.root.span(), "a `&mut` argument can't be part of the key; include a field of it");
            }
        }
    }

    pub(super) fn known_names(&self) {
        for name in &self.options.exclude {
            self.known_name("exclude", name);
        }
        for place in &self.options.include {
            self.known_name("include", &place.root);
        }
    }

    pub(super) fn known_name(&self, option: &str, name: &Ident) {
        if name == "self" {
            if self.analysis.receiver.is_none() {
                self.cx.error(name.span(), format!("`{}` has no `self` to {option}", self.analysis.name()));
            }
            return;
        }
        if self.analysis.params.iter().any(|param| param.is_called(name)) {
            return;
        }
        let part = self.analysis.params.iter().find(|param| param.names().contains(name));
        if let Some(Pattern::Destructured(pattern, _)) = part.map(|param| &param.pattern) {
            let pattern = errors::shown(pattern);
            self.cx.error(
                name.span(),
                format!("`{name}` is only a part of the parameter `{pattern}`; give the parameter a name and take it apart in the body"),
            );
            return;
        }
        let params: Vec<String> = self.analysis.params.iter().flat_map(Param::names).map(ToString::to_string).collect();
        let message = match did_you_mean(&name.to_string(), params.iter().map(String::as_str)) {
            Some(near) => format!("`{name}` is no parameter of `{}`, did you mean `{near}`?", self.analysis.name()),
            None if params.is_empty() => {
                format!("`{name}` is no parameter of `{}`, which has none", self.analysis.name())
            }
            None => format!("`{name}` is no parameter of `{}`; it has `{}`", self.analysis.name(), params.join("`, `")),
        };
        self.cx.error(name.span(), message);
    }

    pub(super) fn excluded_or_included(&self) {
        if self.options.key.is_given() {
            return;
        }
        for place in &self.options.include {
            if self.options.exclude.contains(&place.root) && (!place.is_field || place.root == "self") {
                let name = &place.root;
                self.cx.error(name.span(), format!("`{name}` is both excluded and included; keep one of the two"));
            }
        }
    }

    pub(super) fn key_stands_alone(&self) {
        if !self.options.key.is_given() {
            return;
        }
        for place in &self.options.include {
            let text = errors::shown(&place.expr);
            self.cx.error_at(
                &place.expr,
                format!("`key` replaces the whole key, so `{text}` can't be included; write it into `key = (…)`"),
            );
        }
        for name in self.options.exclude.iter().filter(|name| *name != "self") {
            self.cx.error(
                name.span(),
                format!("`key` replaces the whole key, so there is nothing to exclude; remove `{name}` here"),
            );
        }
    }

    pub(super) fn no_hidden_inputs(&self) {
        if self.options.key.is_given() {
            return;
        }
        let named = |name: &Ident| {
            self.options.exclude.contains(name) || self.options.include.iter().any(|place| place.root == *name)
        };
        for param in self.analysis.params.iter().filter(|param| param.is_underscored()) {
            for name in param.names().iter().filter(|name| !named(name)) {
                if scan::mentions(self.function.body.stream(), &name.to_string()) {
                    self.cx.error(
                        name.span(),
                        format!("`{name}` starts with `_`, so it is left out of the key, but the body uses it: rename it, or say `include({name})` or `exclude({name})`"),
                    );
                }
            }
        }
    }

    fn is_excluded(&self, param: &Param) -> bool {
        self.options.exclude.iter().any(|name| param.is_called(name))
    }
}

/// The parameter as the user calls it.
pub(super) fn shown(param: &Param) -> String {
    match &param.pattern {
        Pattern::Destructured(pattern, _) => errors::shown(pattern),
        Pattern::Name | Pattern::Wild => param.ident.to_string(),
    }
}
