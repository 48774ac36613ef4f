//! Every memoized function of the program.

use std::{
    collections::HashMap,
    sync::{Once, OnceLock},
};

use parking_lot::{Mutex, RwLock};

use super::{function::Function, names, site::Declaration};
use crate::error::{Error, Kind};

static FUNCTIONS: Mutex<Vec<&'static Function>> = Mutex::new(Vec::new());

/// Where declarations lie, and what they declare: the parts of a function have one each.
static DECLARED: OnceLock<RwLock<HashMap<usize, &'static Function>>> = OnceLock::new();

/// The function that a declaration is about.
pub(crate) fn function_of(declared: &'static Declaration) -> &'static Function {
    let all = DECLARED.get_or_init(RwLock::default);
    let at = std::ptr::from_ref(declared).addr();
    if let Some(known) = all.read().get(&at) {
        return known;
    }
    // Its address form may be used first, and knows less of the path.
    register_linked();
    register(declared)
}

/// Makes the functions known that were linked.
fn register_linked() {
    #[cfg(not(any(target_family = "wasm", miri)))]
    {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            for site in super::site::SITES_0_1_0 {
                register(&site.declared);
            }
        });
    }
}

fn register(declared: &'static Declaration) -> &'static Function {
    let path = names::function_path((declared.path)(), declared.name);
    let mut functions = FUNCTIONS.lock();
    let known = functions.iter().find(|function| function.is(declared, &path)).copied();
    let function = known.unwrap_or_else(|| {
        let function: &'static Function = Box::leak(Box::new(Function::new(declared, path)));
        functions.push(function);
        function
    });
    let at = std::ptr::from_ref(declared).addr();
    DECLARED.get_or_init(RwLock::default).write().insert(at, function);
    function
}

/// Every function that was linked or has been called.
pub(crate) fn all() -> Vec<&'static Function> {
    register_linked();
    FUNCTIONS.lock().clone()
}

/// The functions that a function item's type name stands for. Several only if they have the same path (functions of
/// one name in sibling blocks).
pub(crate) fn find(type_name: &str) -> Result<Vec<&'static Function>, Error> {
    let functions = all();
    let by = |matches: &dyn Fn(&Function) -> bool| -> Vec<_> {
        functions.iter().copied().filter(|function| matches(function)).collect()
    };
    let called = by(&|f| f.has_instance(type_name));
    if !called.is_empty() {
        return Ok(called);
    }
    let path = names::without_generics(type_name);
    let linked = by(&|f| f.path == path);
    if !linked.is_empty() {
        return Ok(linked);
    }
    let blanket = by(&|f| names::is_blanket_of(&f.path, &path));
    if !blanket.is_empty() {
        return Ok(blanket);
    }
    Err(Error::new(
        Kind::NotMemoized,
        format!("`{type_name}` is not a memoized function of this program: it has no `#[memoize]`"),
    ))
}

/// The functions that a text names: a full path, or the name given with `name = …`.
pub(crate) fn find_text(text: &str) -> Vec<&'static Function> {
    all()
        .into_iter()
        .filter(|function| function.path == text || function.declared.options.display_name == Some(text))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::site::Options;

    /// Two versions of one crate in a program have functions of the same path at the same place.
    #[test]
    fn versions_of_a_crate_have_functions_of_their_own() {
        fn path() -> &'static str {
            "shop::users::find::here"
        }
        static OLD: Declaration = Declaration::new("find", "shop::users", "1.0.0", (3, 1), path, Options::NEW);
        static NEW: Declaration = Declaration::new("find", "shop::users", "2.0.0", (3, 1), path, Options::NEW);
        static SIBLING: Declaration = Declaration::new("find", "shop::users", "1.0.0", (3, 1), path, Options::NEW);
        assert!(!std::ptr::eq(function_of(&OLD), function_of(&NEW)));
        assert!(std::ptr::eq(function_of(&OLD), function_of(&SIBLING)));
    }
}
