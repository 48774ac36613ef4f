//! Where the sockets of async clients live: on the runtime of the task that asks, if that is tokio's, which saves a request two
//! changes of threads; else on a thread of ours. A thread that waits may be the very one that would drive its runtime, so threads
//! never use a runtime of others.

use std::{future::pending, io, sync::mpsc, thread};

use parking_lot::Mutex;
use tokio::{
    runtime::{Builder, Handle, Id},
    task::AbortHandle,
};

use crate::{
    backend::{Face, Listening},
    error::Error,
};

/// Whose runtime a connection lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Ours,
    Of(Id),
}

/// Our own, once somebody needed it.
static OURS: Mutex<Option<Handle>> = Mutex::new(None);

/// The runtime for the connections of whoever asks.
pub(super) fn of(face: Face) -> Result<(Whose, Handle), Error> {
    if face == Face::Task
        && let Ok(handle) = Handle::try_current()
    {
        return Ok((Whose::Of(handle.id()), handle));
    }
    Ok((Whose::Ours, ours()?))
}

/// The runtime that every task can use.
pub(super) fn ours() -> Result<Handle, Error> {
    let mut ours = OURS.lock();
    if let Some(handle) = &*ours {
        return Ok(handle.clone());
    }
    let handle = start().map_err(|error| {
        Error::unavailable(format!("the thread for connections can't be started: {error}")).with_source(error)
    })?;
    Ok(ours.insert(handle).clone())
}

/// Runs something on our own runtime until what is returned is dropped.
pub(in crate::backend) fn run(future: impl Future<Output = ()> + Send + 'static) -> Result<Listening, Error> {
    struct Running(AbortHandle);
    impl Drop for Running {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    Ok(Listening::new(Running(ours()?.spawn(future).abort_handle())))
}

fn start() -> Result<Handle, io::Error> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let handle = runtime.handle().clone();
    let (running, runs) = mpsc::channel();
    thread::Builder::new().name("memo-net".into()).spawn(move || {
        running.send(()).ok();
        runtime.block_on(pending::<()>());
    })?;
    runs.recv().ok();
    Ok(handle)
}
