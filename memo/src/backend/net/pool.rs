//! The connections of threads: each has one to itself while it asks.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Connections that wait to be used, at most so many in all.
pub(in crate::backend) struct Pool<C> {
    state: Mutex<State<C>>,
    returned: Condvar,
    most: usize,
}

struct State<C> {
    idle: Vec<C>,
    /// Also those that are in use.
    open: usize,
}

/// What a thread got.
pub(in crate::backend) enum Place<C> {
    Connected(C),
    /// It may connect.
    Free,
}

impl<C> Pool<C> {
    pub(in crate::backend) fn new(most: usize) -> Self {
        Self { state: Mutex::new(State { idle: Vec::new(), open: 0 }), returned: Condvar::new(), most }
    }

    /// A connection, or the place for one; `None` if all were in use for so long. What is got has to be put back.
    pub(in crate::backend) fn take(&self, patience: Duration) -> Option<Place<C>> {
        let mut state = self.state.lock();
        let mut until = None;
        loop {
            if let Some(connection) = state.idle.pop() {
                return Some(Place::Connected(connection));
            }
            if state.open < self.most {
                state.open += 1;
                return Some(Place::Free);
            }
            let until = *until.get_or_insert_with(|| Instant::now() + patience);
            if self.returned.wait_until(&mut state, until).timed_out()
                && state.idle.is_empty()
                && state.open >= self.most
            {
                return None;
            }
        }
    }

    /// Puts back what was taken.
    pub(in crate::backend) fn put(&self, connection: C) {
        self.state.lock().idle.push(connection);
        self.returned.notify_one();
    }

    /// Gives a place back without its connection, which was lost. Others that wait there were lost for the same reason.
    pub(in crate::backend) fn lose(&self) {
        let mut state = self.state.lock();
        state.open -= 1 + state.idle.len();
        let lost = std::mem::take(&mut state.idle);
        drop(state);
        drop(lost);
        self.returned.notify_all();
    }
}
