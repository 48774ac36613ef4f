//! Where values are made anew in the background: a few threads of ours, and the runtimes that async callers are on.

use std::{
    collections::VecDeque,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::OnceLock,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use super::claims::Claim;
use crate::{
    call::switch::{refresh, refresh_here},
    clock::Millis,
    flight::wait::block_on,
};

/// A call that repeats itself without its caller.
pub enum Job {
    /// It blocks.
    Thread(Box<dyn FnOnce() + Send>),
    /// It is awaited.
    Task(Spawned),
}

impl Job {
    /// One that blocks.
    pub fn on_thread(call: impl FnOnce() + Send + 'static) -> Self {
        Self::Thread(Box::new(call))
    }

    /// One that is awaited.
    pub fn in_task(call: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::Task(Box::pin(call))
    }
}

/// What is spawned on a runtime.
pub type Spawned = Pin<Box<dyn Future<Output = ()> + Send>>;
type Spawner = Box<dyn Fn(Spawned) + Send + Sync>;

/// So many run at a time on threads of ours, and so many more wait for one.
const MOST_THREADS: usize = 8;
const MOST_WAITING: usize = 1024;
/// So many run at a time on runtimes.
const MOST_TASKS: usize = 1024;
/// How long a thread waits for more to do.
const IDLE: Duration = Duration::from_secs(5);

struct Pool {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    threads: usize,
    idle: usize,
    /// Those that run, wherever.
    running: usize,
    tasks: usize,
    /// Who waits until nothing is left.
    wakers: Vec<Waker>,
}

static POOL: Pool = Pool {
    state: Mutex::new(State {
        waiting: VecDeque::new(),
        threads: 0,
        idle: 0,
        running: 0,
        tasks: 0,
        wakers: Vec::new(),
    }),
    more: Condvar::new(),
};

static SPAWNER: OnceLock<Spawner> = OnceLock::new();

/// One refresh: of the entry that was made at that time.
struct Work {
    job: Job,
    made: Millis,
    claim: Claim,
}

/// Has the entry that was made at that time made anew. False if there is too much to do already.
pub(crate) fn spawn(job: Job, made: Millis, claim: Claim) -> bool {
    let work = Work { job, made, claim };
    match work.job {
        Job::Task(_) => spawn_task(work),
        Job::Thread(_) => spawn_here(work),
    }
}

fn spawn_task(work: Work) -> bool {
    let Some(spawner) = spawner() else { return spawn_here(work) };
    let mut state = POOL.state.lock();
    if state.tasks >= MOST_TASKS {
        work.claim.release();
        return false;
    }
    state.tasks += 1;
    state.running += 1;
    drop(state);
    let running = Running { is_task: true };
    spawner(Box::pin(async move {
        let _running = running;
        work.run_in_task().await;
    }));
    true
}

impl Work {
    async fn run_in_task(self) {
        let Self { job, made, claim } = self;
        if let Job::Task(mut task) = job {
            let mut refresh = pin!(refresh(made, task.as_mut()));
            poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| refresh.as_mut().poll(cx))) {
                Ok(poll) => poll,
                // The panic's own message has told of it.
                Err(_) => Poll::Ready(()),
            })
            .await;
        }
        drop(claim);
    }

    fn run(self) {
        match self.job {
            Job::Task(_) => block_on(self.run_in_task()),
            Job::Thread(job) => {
                // As above.
                let _ = catch_unwind(AssertUnwindSafe(|| refresh_here(self.made, job)));
                drop(self.claim);
            }
        }
    }
}

/// What puts futures on the runtime that the calling task is on.
fn spawner() -> Option<&'static dyn Fn(Spawned)> {
    if let Some(spawner) = SPAWNER.get() {
        return Some(&**spawner);
    }
    #[cfg(feature = "tokio")]
    if tokio::runtime::Handle::try_current().is_ok() {
        return Some(&|task| drop(tokio::spawn(task)));
    }
    None
}

/// On a thread of ours.
fn spawn_here(work: Work) -> bool {
    let mut state = POOL.state.lock();
    if state.waiting.len() >= MOST_WAITING {
        work.claim.release();
        return false;
    }
    state.waiting.push_back(work);
    if state.idle >= state.waiting.len() || state.threads >= MOST_THREADS {
        drop(state);
        POOL.more.notify_one();
        return true;
    }
    state.threads += 1;
    drop(state);
    if thread::Builder::new().name("memo-refresh".into()).spawn(run).is_ok() {
        return true;
    }
    let mut state = POOL.state.lock();
    state.threads -= 1;
    let left = if state.threads == 0 { std::mem::take(&mut state.waiting) } else { VecDeque::new() };
    drop(state);
    for work in left {
        work.claim.release();
    }
    false
}

fn run() {
    while let Some(work) = next() {
        let running = Running { is_task: false };
        work.run();
        drop(running);
    }
}

/// What is to be done next; `None` if the thread is to end.
fn next() -> Option<Work> {
    let mut state = POOL.state.lock();
    loop {
        if let Some(work) = state.waiting.pop_front() {
            state.running += 1;
            return Some(work);
        }
        state.idle += 1;
        let has_waited = POOL.more.wait_for(&mut state, IDLE).timed_out();
        state.idle -= 1;
        if has_waited && state.waiting.is_empty() {
            state.threads -= 1;
            return None;
        }
    }
}

/// One that runs, or is about to.
struct Running {
    is_task: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = POOL.state.lock();
        state.running -= 1;
        state.tasks -= usize::from(self.is_task);
        if state.is_over() {
            let wakers = std::mem::take(&mut state.wakers);
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
        }
    }
}

impl State {
    fn is_over(&self) -> bool {
        self.running == 0 && self.waiting.is_empty()
    }
}

/// Says where background refreshes of async functions run, once for the process: by default on the tokio runtime that the caller is
/// on (feature `tokio`), else on a few threads of the library's own. False if it was said before.
///
/// ```
/// // On a thread of its own each, if nothing better is at hand.
/// use std::task::{Context, Poll, Waker};
///
/// memo::refresh::set_spawner(|mut task| {
///     std::thread::spawn(move || {
///         while task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
///             std::thread::yield_now();
///         }
///     });
/// });
/// ```
pub fn set_spawner(spawner: impl Fn(Spawned) + Send + Sync + 'static) -> bool {
    SPAWNER.set(Box::new(spawner)).is_ok()
}

/// How many background refreshes run or wait to run.
pub fn pending() -> usize {
    let state = POOL.state.lock();
    state.running + state.waiting.len()
}

/// Waits on the calling thread until no background refresh runs or waits to run. Not from inside of one.
pub fn wait() {
    block_on(idle());
}

/// The same for tasks.
pub async fn idle() {
    poll_fn(|cx: &mut Context<'_>| {
        let mut state = POOL.state.lock();
        if state.is_over() {
            return Poll::Ready(());
        }
        state.wakers.push(cx.waker().clone());
        Poll::Pending
    })
    .await;
}

/// Drops the background refreshes that have not begun; gives their number. Those that run come to their end.
pub fn cancel() -> usize {
    let mut state = POOL.state.lock();
    let waiting = std::mem::take(&mut state.waiting);
    let wakers = if state.is_over() { std::mem::take(&mut state.wakers) } else { Vec::new() };
    drop(state);
    let number = waiting.len();
    for work in waiting {
        work.claim.release();
    }
    wakers.into_iter().for_each(Waker::wake);
    number
}
