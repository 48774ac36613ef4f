//! The global switch and the mode of single calls: everything that makes a call other than ordinary.
//!
//! An ordinary call pays one relaxed load for all of it. When anything is out of the ordinary anywhere in the
//! process (caching is off, a call is being skipped), calls take a longer path that looks closer.

use std::{
    cell::Cell,
    future::poll_fn,
    pin::Pin,
    sync::{
        Once,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use crate::{
    clock::Millis,
    error::{Error, Kind},
    memory::locked::UnderLock,
};

/// Set until the environment was read.
const UNREAD: u64 = 1;
/// Set by `disable`.
const OFF: u64 = 2;
/// Added for every guard or armed call there is.
const ONE: u64 = 4;

static STATE: AtomicU64 = AtomicU64::new(UNREAD);
/// The guards that switch the process off.
static PROCESS_GUARDS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// How many guards switch this thread (or the task it polls) off.
    static HERE: Cell<u64> = const { Cell::new(0) };
    /// What the next memoized function that this thread enters does.
    static WAY: Cell<Way> = const { Cell::new(Way::Called(Mode::Normal)) };
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// What its caller says.
    Called(Mode),
    /// It makes the entry anew that was made at that time.
    Refresh(Millis),
}

impl Default for Way {
    fn default() -> Self {
        Self::NORMAL
    }
}

impl Way {
    const NORMAL: Self = Self::Called(Mode::Normal);
}

/// What one call does with the cache: for [`call_with!`](crate::call_with).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Reads and writes as usual.
    #[default]
    Normal,
    /// Runs the body; reads nothing, writes nothing.
    Skip,
    /// Runs the body and stores the value.
    Overwrite,
}

/// Is nothing out of the ordinary in the whole process?
#[inline]
pub(crate) fn is_ordinary() -> bool {
    STATE.load(Ordering::Relaxed) == 0
}

fn state() -> u64 {
    static READ: Once = Once::new();
    if STATE.load(Ordering::Relaxed) & UNREAD != 0 {
        READ.call_once(|| {
            if std::env::var_os("MEMO_DISABLE").is_some_and(|value| !value.is_empty() && value != "0") {
                STATE.fetch_or(OFF, Ordering::Relaxed);
            }
            STATE.fetch_and(!UNREAD, Ordering::Relaxed);
        });
    }
    STATE.load(Ordering::Relaxed)
}

/// Takes what was set for the next call. `None`: caching is off here.
pub(crate) fn take_way() -> Option<Way> {
    let way = WAY.take();
    if let Way::Refresh(_) = way {
        // From here on the call is like any other, however long its body takes.
        STATE.fetch_sub(ONE, Ordering::Relaxed);
    }
    (!is_disabled()).then_some(way)
}

/// Takes what was set for a call that asks for several keys.
pub(crate) fn take_for_several() -> Way {
    if is_ordinary() { Way::NORMAL } else { WAY.take() }
}

/// Sets it again, for one of them.
pub(crate) fn set_for_one(way: Way) {
    if way != Way::NORMAL {
        WAY.set(way);
    }
}

/// Can stores be changed from here? From a key's or a value's `Eq` or `Clone`, which runs under a lock of a store, nothing
/// can, nor from the error hook, which runs where something is changed.
pub(crate) fn reachable() -> Result<(), Error> {
    if UnderLock::is_here() {
        let message = "the cache can't be changed from a key's or value's `Eq` or `Clone`, nor from the error hook: they run \
                       under its lock";
        return Err(Error::new(Kind::Unavailable, message));
    }
    Ok(())
}

/// Switches caching off in the whole process: calls run their bodies, read nothing, write nothing and count nothing.
/// Deletes and clears still act. The environment variable `MEMO_DISABLE=1` starts a process this way.
pub fn disable() {
    state();
    STATE.fetch_or(OFF, Ordering::Relaxed);
}

/// Takes [`disable`] back. Guards of [`disabled`] and [`disabled_here`] still hold.
pub fn enable() {
    state();
    STATE.fetch_and(!OFF, Ordering::Relaxed);
}

/// Is caching off for the calling thread, or in the task it is polling?
pub fn is_disabled() -> bool {
    let state = state();
    state & OFF != 0 || (state >= ONE && (PROCESS_GUARDS.load(Ordering::Relaxed) > 0 || HERE.get() > 0))
}

/// Switches caching off in the whole process until the guard is dropped. Guards nest.
///
/// ```
/// # use memo::memoize;
/// #[memoize]
/// fn answer() -> u32 {
///     42
/// }
///
/// {
///     let _off = memo::disabled();
///     answer();
/// }
/// answer();
/// assert_eq!(memo::cache_info(answer).calls(), 1);
/// ```
pub fn disabled() -> Disabled {
    STATE.fetch_add(ONE, Ordering::Relaxed);
    PROCESS_GUARDS.fetch_add(1, Ordering::Relaxed);
    Disabled(())
}

/// Caching is off in the whole process while this lives: see [`disabled`].
#[derive(Debug)]
#[must_use = "caching is off only as long as the guard lives"]
pub struct Disabled(());

impl Drop for Disabled {
    fn drop(&mut self) {
        PROCESS_GUARDS.fetch_sub(1, Ordering::Relaxed);
        STATE.fetch_sub(ONE, Ordering::Relaxed);
    }
}

/// Switches caching off for the calling thread until the guard is dropped. Guards nest.
pub fn disabled_here() -> DisabledHere {
    STATE.fetch_add(ONE, Ordering::Relaxed);
    HERE.set(HERE.get() + 1);
    DisabledHere(std::marker::PhantomData)
}

/// Caching is off for one thread while this lives: see [`disabled_here`].
#[derive(Debug)]
#[must_use = "caching is off only as long as the guard lives"]
pub struct DisabledHere(std::marker::PhantomData<*const ()>);

impl Drop for DisabledHere {
    fn drop(&mut self) {
        HERE.set(HERE.get() - 1);
        STATE.fetch_sub(ONE, Ordering::Relaxed);
    }
}

/// Runs a future with caching off for all that it does itself, on whatever thread it is polled.
pub fn disabled_in<F: Future>(future: F) -> impl Future<Output = F::Output> + use<F> {
    DisabledIn(Box::pin(future))
}

struct DisabledIn<F>(Pin<Box<F>>);

impl<F: Future> Future for DisabledIn<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _off = disabled_here();
        self.0.as_mut().poll(cx)
    }
}

/// A call that is about to be made in a mode. The mode is set last, after receiver and arguments were evaluated,
/// and the first memoized function that the thread then enters takes it.
#[derive(Debug)]
pub struct Armed {
    mode: Mode,
    before: Way,
}

/// Begins a call in a mode.
pub fn arm(mode: Mode) -> Armed {
    STATE.fetch_add(ONE, Ordering::Relaxed);
    Armed { mode, before: WAY.get() }
}

impl Armed {
    /// Sets the mode; gives the last argument through.
    pub fn last<T>(&self, argument: T) -> T {
        self.now();
        argument
    }

    /// Sets the mode.
    pub fn now(&self) {
        WAY.set(Way::Called(self.mode));
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        WAY.set(self.before);
        STATE.fetch_sub(ONE, Ordering::Relaxed);
    }
}

/// Keeps a call's mode from what runs before the call takes it: the expressions of its key.
#[derive(Debug)]
pub struct SetAside(Way);

/// Sets the mode aside until what it gives is dropped.
#[inline]
pub fn set_aside() -> SetAside {
    SetAside(if is_ordinary() { Way::NORMAL } else { WAY.take() })
}

impl Drop for SetAside {
    fn drop(&mut self) {
        if self.0 != Way::NORMAL {
            WAY.set(self.0);
        }
    }
}

/// Until it is dropped, the next memoized function makes the entry anew that was made at that time.
struct Refreshing {
    way: Way,
    before: Way,
}

impl Refreshing {
    fn new(made: Millis) -> Self {
        STATE.fetch_add(ONE, Ordering::Relaxed);
        let way = Way::Refresh(made);
        Self { way, before: WAY.replace(way) }
    }
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        if WAY.replace(self.before) == self.way {
            STATE.fetch_sub(ONE, Ordering::Relaxed);
        }
    }
}

/// Runs a call that makes the entry anew that was made at that time.
pub(crate) fn refresh_here(made: Millis, call: impl FnOnce()) {
    let _refreshing = Refreshing::new(made);
    call();
}

/// A call in a task that makes the entry anew that was made at that time.
pub(crate) async fn refresh(made: Millis, mut call: Pin<&mut (dyn Future<Output = ()> + Send)>) {
    let mut made = Some(made);
    poll_fn(|cx| {
        let Some(at) = made else { return call.as_mut().poll(cx) };
        let refreshing = Refreshing::new(at);
        let poll = call.as_mut().poll(cx);
        if WAY.get() != refreshing.way {
            made = None;
        }
        poll
    })
    .await;
}

/// A future whose first memoized function takes a mode.
pub struct InMode<F> {
    mode: Mode,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for InMode<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if self.mode == Mode::Normal {
            return self.future.as_mut().poll(cx);
        }
        let armed = arm(self.mode);
        armed.now();
        let poll = self.future.as_mut().poll(cx);
        if WAY.get() == Way::NORMAL {
            self.mode = Mode::Normal;
        }
        poll
    }
}

/// Tells a future from a value by autoref: see the module `probe` for how.
pub trait DoneFuture {
    type Result;
    fn done(&self) -> Self::Result;
}

/// The armed call's result, on its way out.
pub struct Outcome<T>(pub Armed, pub Cell<Option<T>>);

pub trait DoneValue {
    type Result;
    fn done(&self) -> Self::Result;
}

impl<F: Future> DoneFuture for &Outcome<F> {
    type Result = InMode<F>;
    fn done(&self) -> InMode<F> {
        let mode = self.0.mode;
        let future = self.1.take().expect("an outcome is taken once");
        InMode { mode, future: Box::pin(future) }
    }
}

impl<T> DoneValue for Outcome<T> {
    type Result = T;
    fn done(&self) -> T {
        self.1.take().expect("an outcome is taken once")
    }
}
