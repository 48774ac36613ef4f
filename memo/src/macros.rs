//! The macros that wrap a call. They add the crate's own path to the call and leave the rest to `memo-macros`.

/// Runs the body of one call, past the cache: reads nothing, writes nothing, and counts as skipped only.
///
/// Takes the call as one would write it, and works however the function is reached: imported, renamed, through `dyn`
/// or `Deref`. The first memoized function that the call enters is the one that is meant. On an async function the
/// result is a future: `skip_cache!(fetch(url)).await`.
///
/// ```
/// use memo::{memoize, skip_cache};
///
/// #[memoize]
/// fn answer() -> u32 {
///     42
/// }
///
/// assert_eq!(skip_cache!(answer()), 42);
/// assert_eq!(memo::cache_info(answer).skipped, 1);
/// assert_eq!(memo::cache_info(answer).size, 0);
/// ```
#[macro_export]
macro_rules! skip_cache {
    ($($call:tt)*) => { $crate::__private::__skip_cache!(($crate) $($call)*) };
}

/// Runs the body of one call and stores its value in place of the old one; counts as a miss.
///
/// ```
/// use memo::{memoize, overwrite_cache};
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// static NOW: AtomicU32 = AtomicU32::new(1);
///
/// #[memoize]
/// fn rate(_pair: &str) -> u32 {
///     NOW.load(Ordering::Relaxed)
/// }
///
/// assert_eq!(rate("EUR/USD"), 1);
/// NOW.store(2, Ordering::Relaxed);
/// assert_eq!(overwrite_cache!(rate("EUR/USD")), 2);
/// assert_eq!(rate("EUR/USD"), 2);
/// ```
#[macro_export]
macro_rules! overwrite_cache {
    ($($call:tt)*) => { $crate::__private::__overwrite_cache!(($crate) $($call)*) };
}

/// Makes one call in a [`Mode`](crate::Mode) that is known only at run time.
///
/// ```
/// use memo::{Mode, call_with, memoize};
///
/// #[memoize]
/// fn answer() -> u32 {
///     42
/// }
///
/// let mode = if std::env::args().any(|arg| arg == "--fresh") { Mode::Overwrite } else { Mode::Normal };
/// assert_eq!(call_with!(mode, answer()), 42);
/// ```
#[macro_export]
macro_rules! call_with {
    ($($call:tt)*) => { $crate::__private::__call_with!(($crate) $($call)*) };
}

/// The stored value of a call, if there is one; never runs the body, and counts neither hit nor miss.
///
/// An address, checked when the program compiles: the function is to be named by its own path, module or type. `_` may
/// stand for a receiver or an argument that is not part of the key.
///
/// ```
/// use memo::{cache_get, memoize};
///
/// #[memoize]
/// fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// assert_eq!(cache_get!(square(4)), None);
/// square(4);
/// assert_eq!(cache_get!(square(4)), Some(16));
/// ```
#[macro_export]
macro_rules! cache_get {
    ($($call:tt)*) => { $crate::__private::__cache_get!(($crate) $($call)*) };
}

/// The [`Entry`](crate::Entry) of a call, if there is one: the value with its times and tags. Otherwise like
/// [`cache_get!`].
#[macro_export]
macro_rules! cache_entry {
    ($($call:tt)*) => { $crate::__private::__cache_entry!(($crate) $($call)*) };
}

/// Stores a value for a call, in place of an old one and of what a running body would store. It works before the
/// function was ever called.
///
/// ```
/// use memo::{cache_set, memoize};
///
/// #[memoize]
/// fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// cache_set!(square(4), 17)?;
/// assert_eq!(square(4), 17);
/// # Ok::<(), memo::Error>(())
/// ```
#[macro_export]
macro_rules! cache_set {
    ($($call:tt)*) => { $crate::__private::__cache_set!(($crate) $($call)*) };
}

/// Deletes the entry of a call and says whether there was one. A body that runs meanwhile does not store its value.
///
/// ```
/// use memo::{cache_delete, memoize};
///
/// struct Users;
///
/// impl Users {
///     #[memoize(exclude(self))]
///     fn name(&self, id: u64) -> String {
///         format!("user {id}")
///     }
/// }
///
/// Users.name(7);
/// assert!(cache_delete!(Users::name(_, 7))?);
/// # Ok::<(), memo::Error>(())
/// ```
#[macro_export]
macro_rules! cache_delete {
    ($($call:tt)*) => { $crate::__private::__cache_delete!(($crate) $($call)*) };
}

/// Why a call would hit or miss: see [`Explanation`](crate::Explanation). Stores are asked, and left as they are.
///
/// ```
/// use memo::{explain_cache, memoize};
///
/// #[memoize(ttl = "5m", tag = "rates")]
/// fn rate(currency: &str) -> u32 {
///     currency.len() as u32
/// }
///
/// assert_eq!(explain_cache!(rate("EUR")).to_string(), "miss: there is no entry");
/// rate("EUR");
/// assert!(explain_cache!(rate("EUR")).is_hit());
/// ```
#[macro_export]
macro_rules! explain_cache {
    ($($call:tt)*) => { $crate::__private::__explain_cache!(($crate) $($call)*) };
}
