//! Entries of cache objects that `#[invalidates]` names: `SESSIONS[&id]`.

use std::ops::Deref;

use super::core::Core;

/// A cache object, and whatever leads to one: a reference, an `Arc`, a `LazyLock`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no cache",
    label = "its entries can't be named",
    note = "`SESSIONS[&id]` names an entry of a `memo::Cache`; an entry of a memoized function is named by a call: `find(id)`"
)]
pub trait Named {
    type Key;
    type Value;
    fn core(&self) -> &Core<Self::Key, Self::Value>;
}

impl<K, V> Named for super::Cache<K, V> {
    type Key = K;
    type Value = V;

    fn core(&self) -> &Core<K, V> {
        &self.0
    }
}

impl<K, V> Named for super::aio::Cache<K, V> {
    type Key = K;
    type Value = V;

    fn core(&self) -> &Core<K, V> {
        &self.0
    }
}

#[diagnostic::do_not_recommend]
impl<P: Deref<Target: Named>> Named for P {
    type Key = <P::Target as Named>::Key;
    type Value = <P::Target as Named>::Value;

    fn core(&self) -> &Core<Self::Key, Self::Value> {
        (**self).core()
    }
}
