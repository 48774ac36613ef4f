//! Analysis of a signature: the receiver, the parameters, and what is returned.

use proc_macro2::{Ident, Span};
use quote::{ToTokens as _, format_ident};
use syn::{Expr, FnArg, GenericParam, Pat, Receiver, ReceiverKind, Signature, Type};

use crate::options::bare;
use crate::scan;
use crate::types;

/// What the other passes ask of a signature.
pub(crate) struct Analysis<'a> {
    pub(crate) sig: &'a Signature,
    pub(crate) receiver: Option<&'a Receiver>,
    pub(crate) params: Vec<Param>,
    pub(crate) form: Form,
    /// What the body computes; for futures the output.
    pub(crate) output: Type,
}

/// How the function gives its result.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Form {
    Plain,
    AsyncFn,
    /// `-> impl Future<Output = R>`
    ImplFuture,
    /// `-> Pin<Box<dyn Future<Output = R>>>` and its aliases.
    BoxedFuture,
}

/// One parameter.
#[derive(Clone)]
pub(crate) struct Param {
    /// Its place among the inputs, the receiver included.
    pub(crate) position: usize,
    /// Its name; a name of ours where it has a pattern.
    pub(crate) ident: Ident,
    pub(crate) pattern: Pattern,
    pub(crate) ty: Type,
}

#[derive(Clone)]
pub(crate) enum Pattern {
    /// `x` or `mut x`
    Name,
    /// `_`
    Wild,
    /// Anything else, with the names it binds.
    Destructured(Box<Pat>, Vec<Ident>),
}

impl Param {
    /// Left out of the key by its name.
    pub(crate) fn is_underscored(&self) -> bool {
        match self.pattern {
            Pattern::Name => self.ident.to_string().starts_with('_'),
            Pattern::Wild => true,
            Pattern::Destructured(..) => false,
        }
    }

    /// The names under which options and body know it.
    pub(crate) fn names(&self) -> &[Ident] {
        match &self.pattern {
            Pattern::Name => std::slice::from_ref(&self.ident),
            Pattern::Wild => &[],
            Pattern::Destructured(_, names) => names,
        }
    }

    /// Whether the option's word means this parameter as a whole.
    pub(crate) fn is_called(&self, name: &Ident) -> bool {
        matches!(self.names(), [only] if only == name)
    }

    /// Whether the expression is this parameter, or a reference to it.
    pub(crate) fn is(&self, expr: &Expr) -> bool {
        match bare(expr) {
            Expr::Path(path) => path.path.get_ident().is_some_and(|name| self.is_called(name)),
            Expr::Reference(reference) => self.is(&reference.expr),
            _ => false,
        }
    }

    pub(crate) fn is_mutable_reference(&self) -> bool {
        matches!(types::bare(&self.ty), Type::Reference(reference) if reference.mutability.is_some())
    }

    /// A connection or pool by the name of its type, behind any reference or `Arc`.
    pub(crate) fn is_connection(&self) -> bool {
        const NAMES: &[&str] = &[
            "Connection",
            "Conn",
            "PgConnection",
            "MysqlConnection",
            "SqliteConnection",
            "AsyncPgConnection",
            "PgPool",
            "MySqlPool",
            "SqlitePool",
            "AnyPool",
            "Pool",
            "PooledConnection",
            "DatabaseConnection",
            "DatabaseTransaction",
        ];
        let mut ty = types::bare(&self.ty);
        loop {
            if let Type::Reference(reference) = ty {
                ty = types::bare(&reference.elem);
                continue;
            }
            let Some(last) = types::last_segment(ty) else {
                return false;
            };
            match types::type_arguments(last).first() {
                Some(inner) if last.ident == "Arc" => ty = types::bare(inner),
                _ => return NAMES.iter().any(|name| last.ident == name),
            }
        }
    }
}

impl<'a> Analysis<'a> {
    pub(crate) fn of(sig: &'a Signature) -> Self {
        let returned = types::returned(&sig.output);
        let (form, output) = form(sig, returned);
        Self { sig, receiver: sig.receiver(), params: params(sig), form, output }
    }

    /// The named type parameters of the function.
    pub(crate) fn type_params(&self) -> impl Iterator<Item = &'a Ident> {
        self.sig.generics.params.iter().filter_map(|param| match param {
            GenericParam::Type(param) => Some(&param.ident),
            _ => None,
        })
    }

    /// The const parameters of the function, with their types.
    pub(crate) fn const_params(&self) -> impl Iterator<Item = (&'a Ident, &'a Type)> {
        self.sig.generics.params.iter().filter_map(|param| match param {
            GenericParam::Const(param) => Some((&param.ident, &param.ty)),
            _ => None,
        })
    }

    /// Whether the type mentions a named generic of the function.
    pub(crate) fn is_generic(&self, ty: &Type) -> bool {
        types::has_word(ty.to_token_stream(), &|word| {
            self.type_params().any(|param| param == word) || self.const_params().any(|(param, _)| param == word)
        })
    }

    /// Whether the output may turn out to be a `Result` in some instantiation only.
    pub(crate) fn is_output_open(&self) -> bool {
        self.is_open(&self.output)
    }

    /// Whether the type may turn out to be a `Result` in some instantiation only.
    pub(crate) fn is_open(&self, ty: &Type) -> bool {
        match types::bare(ty) {
            Type::Path(path) if path.qself.is_some() => true,
            Type::Path(path) => {
                path.path.leading_colon.is_none()
                    && path.path.segments.first().is_some_and(|first| {
                        let projected = path.path.segments.len() > 1 && first.ident == "Self";
                        projected || self.type_params().any(|param| *param == first.ident)
                    })
            }
            _ => false,
        }
    }

    /// The parameter, or the one with the pattern, whose name the expression is.
    pub(crate) fn named_by(&self, expr: &Expr) -> Option<&Param> {
        let Expr::Path(path) = bare(expr) else {
            return None;
        };
        let name = path.path.get_ident()?;
        self.params.iter().find(|param| param.names().contains(name))
    }

    /// `&mut self`
    pub(crate) fn has_mutable_receiver(&self) -> bool {
        self.receiver.is_some_and(|receiver| matches!(&receiver.kind, ReceiverKind::Reference(_, _, Some(_))))
    }

    pub(crate) fn is_async(&self) -> bool {
        self.form != Form::Plain
    }

    /// The name without `r#`.
    pub(crate) fn name(&self) -> String {
        use syn::ext::IdentExt as _;
        self.sig.ident.unraw().to_string()
    }
}

fn form(sig: &Signature, returned: Type) -> (Form, Type) {
    if sig.asyncness.is_some() {
        return (Form::AsyncFn, returned);
    }
    if let Type::ImplTrait(future) = types::bare(&returned)
        && let Some(output) = types::future_output(&future.bounds)
    {
        return (Form::ImplFuture, output.clone());
    }
    if let Some(output) = types::boxed_output(&returned) {
        return (Form::BoxedFuture, output.clone());
    }
    (Form::Plain, returned)
}

fn params(sig: &Signature) -> Vec<Param> {
    let typed = sig.inputs.iter().enumerate().filter_map(|(position, input)| match input {
        FnArg::Receiver(_) => None,
        FnArg::Typed(typed) => Some((position, typed)),
    });
    typed
        .map(|(position, typed)| {
            let ours = || format_ident!("arg{position}", span = Span::mixed_site());
            let (ident, pattern) = match &*typed.pat {
                Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => (pat.ident.clone(), Pattern::Name),
                Pat::Wild(_) => (ours(), Pattern::Wild),
                pat => {
                    let mut names = Vec::new();
                    scan::bindings(pat.to_token_stream(), &mut names);
                    (ours(), Pattern::Destructured(Box::new(pat.clone()), names))
                }
            };
            Param { position, ident, pattern, ty: (*typed.ty).clone() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sig(text: &str) -> Signature {
        syn::parse_str(text).expect(text)
    }

    #[test]
    fn patterns_bind_names() {
        let sig = sig(
            "fn f((a, mut b): (u8, u8), Point { x, y: z, .. }: Point, State(pool): State<Pool>, m::N(q): m::N, _: u8)",
        );
        let analysis = Analysis::of(&sig);
        let names: Vec<Vec<String>> =
            analysis.params.iter().map(|param| param.names().iter().map(ToString::to_string).collect()).collect();
        assert_eq!(names, [vec!["a", "b"], vec!["x", "z"], vec!["pool"], vec!["q"], vec![]]);
    }

    #[test]
    fn forms() {
        let form = |text: &str| Analysis::of(&sig(text)).form;
        assert!(form("fn f() -> u8") == Form::Plain);
        assert!(form("async fn f() -> u8") == Form::AsyncFn);
        assert!(form("fn f() -> impl Future<Output = u8> + Send") == Form::ImplFuture);
        assert!(form("fn f() -> BoxFuture<'static, u8>") == Form::BoxedFuture);
        assert!(form("fn f() -> impl Iterator<Item = u8>") == Form::Plain);
    }

    #[test]
    fn connections() {
        let is = |text: &str| Analysis::of(&sig(&format!("fn f(x: {text})"))).params[0].is_connection();
        assert!(is("&mut Connection") && is("Arc<sqlx::PgPool>") && is("&Pool<Manager>"));
        assert!(!is("&Logger") && !is("Connections"));
    }

    #[test]
    fn open_outputs() {
        let open = |text: &str| Analysis::of(&sig(text)).is_output_open();
        assert!(
            open("fn f<T>() -> T")
                && open("fn f() -> Self::Out")
                && open("fn f<T: A>() -> T::Out")
                && open("fn f() -> <A as B>::Out")
        );
        assert!(!open("fn f<T>() -> Vec<T>") && !open("fn f() -> Self"));
    }
}
