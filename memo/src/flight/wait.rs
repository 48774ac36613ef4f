//! Waiting for a flight, on a thread or in a task: one state, two ways to sleep.

use std::{
    cell::RefCell,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Wake, Waker},
};

use super::{
    chain::{Edge, Inside},
    slot::{Flight, Shared, Verdict, next_id},
    timer,
};
use crate::{
    clock::Millis,
    sync::{AtomicBool, thread},
};

/// How a wait ended.
pub(crate) enum Outcome {
    /// The leader's result.
    Take(Shared),
    /// Ask again from the start.
    Retry,
    /// Run the body beside the others; the value may be stored.
    RunAlone,
    /// Run the body inside the caller: the flight can't end before the caller does.
    RunInline,
    /// The deadline came first.
    TimedOut,
}

/// A caller that waits for a flight.
pub(crate) struct Wait {
    flight: Arc<Flight>,
    /// How many clearings the flight had seen when the caller joined.
    joined: u64,
    number: u64,
    deadline: Option<timer::Alarm>,
    /// The leader's polls when this wait last saw the leader woken but not polled, in the same task, and how often.
    held_back: Option<(u64, u32)>,
    _edges: Edge,
}

impl Wait {
    /// Begins to wait, unless the flight can't end before the caller does.
    pub(crate) fn begin(flight: Arc<Flight>, joined: u64, deadline: Option<Millis>) -> Option<Self> {
        let number = next_id();
        let Some(edges) = Edge::begin(flight.id) else {
            flight.leave(number);
            return None;
        };
        let deadline = deadline.map(timer::Alarm::new);
        Some(Self { flight, joined, number, deadline, held_back: None, _edges: edges })
    }

    /// `task` is the waker that stands for the caller's whole task, if it waits in one.
    fn poll(&mut self, waker: &Waker, task: Option<&Waker>) -> Poll<Outcome> {
        match self.flight.poll(self.joined, self.number, waker) {
            Verdict::Take(shared) => return Poll::Ready(Outcome::Take(shared)),
            Verdict::Retry => return Poll::Ready(Outcome::Retry),
            Verdict::RunAlone => return Poll::Ready(Outcome::RunAlone),
            Verdict::Wait => {}
        }
        self.flight.watch();
        if self.deadline.as_mut().is_some_and(|deadline| deadline.poll(waker)) {
            return Poll::Ready(Outcome::TimedOut);
        }
        if self.flight.is_stuck() || task.is_some_and(|task| self.leader_is_held_back(task)) {
            return Poll::Ready(Outcome::RunInline);
        }
        Poll::Pending
    }

    /// Does this very task hold the leader back? It was woken, and this task came around three times since and never
    /// polled it. (Twice is not enough: `join!` turns the order of its branches.)
    fn leader_is_held_back(&mut self, task: &Waker) -> bool {
        let Some(polls) = self.flight.idle_in(task) else {
            return false;
        };
        self.held_back = match self.held_back {
            Some((seen, times)) if seen == polls => Some((seen, times + 1)),
            _ => Some((polls, 1)),
        };
        task.wake_by_ref();
        self.held_back.is_some_and(|(_, times)| times > 2)
    }

    /// Would it end at once?
    pub(crate) fn is_over(&self) -> bool {
        self.flight.is_over()
    }

    /// Waits on the calling thread.
    pub(crate) fn block(mut self) -> Outcome {
        let parked = Parked::new();
        let waker = Waker::from(parked.clone());
        loop {
            if let Poll::Ready(outcome) = self.poll(&waker, None) {
                return outcome;
            }
            parked.park();
        }
    }

    /// Waits in a task.
    pub(crate) fn poll_in_task(&mut self, cx: &Context<'_>) -> Poll<Outcome> {
        let task = task_waker(cx);
        self.poll(cx.waker(), Some(&task))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.flight.leave(self.number);
    }
}

/// A thread that sleeps until it is woken.
struct Parked {
    thread: thread::Thread,
    woken: AtomicBool,
}

impl Parked {
    /// The calling thread.
    fn new() -> Arc<Self> {
        Arc::new(Self { thread: thread::current(), woken: AtomicBool::new(false) })
    }

    /// Sleeps until it is woken, or was since it slept last.
    fn park(&self) {
        while !self.woken.swap(false, Ordering::AcqRel) {
            thread::park();
        }
    }
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Runs a future on the calling thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    // Most are ready at once: no need to know the thread.
    if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return done;
    }
    let parked = Parked::new();
    let waker = Waker::from(parked.clone());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        parked.park();
    }
}

thread_local! {
    /// The waker of the task that this thread is polling, as seen outside the outermost leading future.
    static TASK: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

fn task_waker(cx: &Context<'_>) -> Waker {
    // A thread that is ending knows no task any more.
    let task = TASK.try_with(|task| task.borrow().clone()).ok().flatten();
    task.unwrap_or_else(|| cx.waker().clone())
}

/// Restores what `TASK` was.
struct InTask(Option<Waker>);

impl InTask {
    fn enter(task: &Waker) -> Self {
        Self(TASK.try_with(|known| known.replace(Some(task.clone()))).ok().flatten())
    }
}

impl Drop for InTask {
    fn drop(&mut self) {
        let before = self.0.take();
        let inner = TASK.try_with(|task| task.replace(before));
        drop(inner);
    }
}

/// Drives the body of a leading flight: shows its followers whether it makes progress.
pub(crate) struct Leading<'a, F> {
    pub(crate) flight: Option<&'a Arc<Flight>>,
    pub(crate) body: Pin<&'a mut F>,
}

impl<F: Future> Future for Leading<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let Some(flight) = this.flight else {
            return this.body.as_mut().poll(cx);
        };
        let task = task_waker(cx);
        flight.polled(&task, cx.waker());
        let _task = InTask::enter(&task);
        let _inside = Inside::enter(&[flight.id]);
        let _polling = Polling(flight);
        let waker = Waker::from(Arc::clone(flight));
        this.body.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

/// Drives a body that several flights wait for, in the same way.
pub(crate) struct LeadingAll<'a, F> {
    pub(crate) flights: &'a Arc<Several>,
    pub(crate) body: Pin<&'a mut F>,
}

/// The flights that one body leads.
pub(crate) struct Several(pub(crate) Vec<Arc<Flight>>);

impl Several {
    /// Marks the calling thread as running the body.
    pub(crate) fn enter(&self) -> Inside {
        Inside::enter(&self.0.iter().map(|flight| flight.id).collect::<Vec<_>>())
    }
}

impl<F: Future> Future for LeadingAll<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { flights, body } = &mut *self;
        if flights.0.is_empty() {
            return body.as_mut().poll(cx);
        }
        let task = task_waker(cx);
        for flight in &flights.0 {
            flight.polled(&task, cx.waker());
        }
        let _task = InTask::enter(&task);
        let _inside = flights.enter();
        let _polling: Vec<Polling<'_>> = flights.0.iter().map(Polling).collect();
        let waker = Waker::from(Arc::clone(*flights));
        body.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

impl Wake for Several {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        for flight in &self.0 {
            flight.leader_woken();
        }
    }
}

/// Notes the end of a poll, also if it panics.
struct Polling<'a>(&'a Arc<Flight>);

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.0.poll_ended();
    }
}

impl Wake for Flight {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.leader_woken();
    }
}
