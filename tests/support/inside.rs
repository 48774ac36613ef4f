//! Stores of tests that have a store inside of them and do a few things otherwise.

/// The methods of such a store that do what the one inside does: `as_inside!(self.inner: set remove);`.
#[macro_export]
macro_rules! as_inside {
    (self.$inner:tt: $($method:ident)*) => {$($crate::as_inside!(@ $inner $method);)*};
    (@ $inner:tt capabilities) => {
        fn capabilities(&self) -> memo::backend::Capabilities {
            self.$inner.capabilities()
        }
    };
    (@ $inner:tt get) => { $crate::as_inside!(@ $inner get(key: &[u8]) -> Option<Vec<u8>>); };
    (@ $inner:tt set) => { $crate::as_inside!(@ $inner set(key: &[u8], item: memo::backend::Item<'_>) -> ()); };
    (@ $inner:tt remove) => { $crate::as_inside!(@ $inner remove(key: &[u8]) -> bool); };
    (@ $inner:tt remove_prefix) => { $crate::as_inside!(@ $inner remove_prefix(prefix: &[u8]) -> u64); };
    (@ $inner:tt remove_tagged) => { $crate::as_inside!(@ $inner remove_tagged(prefix: &[u8], tags: &[&str]) -> u64); };
    (@ $inner:tt update) => { $crate::as_inside!(@ $inner update(key: &[u8], change: memo::backend::Edit<'_>) -> ()); };
    (@ $inner:tt get_many) => { $crate::as_inside!(@ $inner get_many(keys: &[&[u8]]) -> Vec<Option<Vec<u8>>>); };
    (@ $inner:tt scan) => { $crate::as_inside!(@ $inner scan(prefix: &[u8], visit: memo::backend::Visit<'_>) -> ()); };
    (@ $inner:tt count) => { $crate::as_inside!(@ $inner count(prefix: &[u8]) -> u64); };
    (@ $inner:tt purge) => { $crate::as_inside!(@ $inner purge(now: memo::backend::UnixMillis) -> u64); };
    (@ $inner:tt $method:ident($($argument:ident: $type:ty),*) -> $result:ty) => {
        fn $method(&self, $($argument: $type),*) -> Result<$result, memo::Error> {
            self.$inner.$method($($argument),*)
        }
    };
}
