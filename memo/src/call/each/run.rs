//! The run of the body for all keys that are missing, and what becomes of their values.

use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Instant,
};

use super::{
    Batch, State,
    many::{Apart, Brings, Many},
};
use crate::{
    call::{
        extras::Extras,
        kind::Kind,
        later::{Kept, Laters},
        run::Run,
        share::HomeOf,
    },
    flight::wait::{LeadingAll, Several, block_on},
    space::Face,
};

type Panic = Box<dyn Any + Send>;

/// What the body brought for one key.
pub enum Ending<'a, Kd: Kind> {
    Value(Kd::Ret),
    /// It failed for all keys.
    Failed(&'a Kd::Ret),
}

impl<Kd: Kind> Ending<'_, Kd> {
    /// Stores it in memory, on these terms.
    pub fn finish<H: HomeOf<Kd>, K: 'static>(
        self,
        extras: Extras<'_, K, Kd::Val>,
        run: &mut Run<H, K, Kd>,
    ) -> Option<Kept<H, Kd>> {
        let result = self.value(&extras, run)?;
        Some(Kept::Now(run.finish_with(result, extras)))
    }

    /// Stores it, also outside of memory.
    pub fn keep<H, K: 'static>(self, extras: Extras<'_, K, Kd::Val>, run: &mut Run<H, K, Kd>) -> Option<Kept<H, Kd>>
    where
        H: HomeOf<Kd> + Send + Sync + 'static,
        Kd: Kind<Val: Send + Sync>,
    {
        let result = self.value(&extras, run)?;
        Some(run.keep(result, extras))
    }

    /// What there is to store. A failure that is not stored is told to the followers.
    fn value<H: HomeOf<Kd>, K: 'static>(
        self,
        extras: &Extras<'_, K, Kd::Val>,
        run: &mut Run<H, K, Kd>,
    ) -> Option<Kd::Ret> {
        match self {
            Self::Value(result) => Some(result),
            Self::Failed(result) => {
                let value = Kd::value(result);
                if value.is_none() {
                    run.fail(result, &extras.tags);
                }
                value.map(Kd::join)
            }
        }
    }
}

impl<H: HomeOf<Kd>, K: 'static, Kd: Kind> Batch<H, K, Kd> {
    /// The flights that the body is run for.
    fn flights(&self) -> Arc<Several> {
        let led = self.running().filter_map(|one| match &one.state {
            State::Runs(Run { led: Some(led), .. }) => Some(led.running.flight.clone()),
            _ => None,
        });
        Arc::new(Several(led.collect()))
    }

    /// The body began at `start` and is over: each key has its share of that.
    fn took(&self, start: Instant) {
        let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let share = nanos / (self.running().count().max(1) as u64);
        for one in self.running() {
            if let State::Runs(Run { led: Some(led), .. }) = &one.state {
                led.running.costs(led.home.used(), share);
            }
        }
    }

    /// Runs the body.
    pub fn call<M>(&self, body: impl FnOnce() -> M) -> M {
        self.attempt(body).unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Runs the body of a function that gives older values rather than fail: see [`spared_on_thread`](Self::spared_on_thread).
    ///
    /// # Errors
    ///
    /// Its panic.
    pub fn attempt<M>(&self, body: impl FnOnce() -> M) -> Result<M, Panic> {
        let flights = self.flights();
        let _inside = flights.enter();
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(body));
        self.took(start);
        result
    }

    /// Runs the body of an async function.
    pub async fn drive<F: Future>(&mut self, body: F) -> F::Output {
        let (flights, body, start) = (self.flights(), pin!(body), Instant::now());
        let result = LeadingAll { flights: &flights, body }.await;
        self.took(start);
        result
    }

    /// The same of one that gives older values rather than fail.
    ///
    /// # Errors
    ///
    /// Its panic.
    pub async fn attempt_in_task<F: Future>(&mut self, body: F) -> Result<F::Output, Panic> {
        let mut body = pin!(self.drive(body));
        let poll = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        });
        poll.await
    }

    /// What the body brought. If it failed, the keys that have older values get those; if all have, there is nothing else to say.
    async fn spared<M: Brings>(&mut self, face: Face, result: Result<M, Panic>) -> Option<M> {
        let has_failed = result.as_ref().map_or(true, M::has_failed);
        if has_failed {
            for one in &mut self.keys {
                if let State::Runs(run) = &mut one.state
                    && let Some(older) = run.older(face).await
                    && let Ok(value) = Kd::split(older)
                {
                    one.state = State::Has(value);
                }
            }
            self.running().next()?;
        }
        Some(result.unwrap_or_else(|panic| resume_unwind(panic)))
    }

    pub fn spared_on_thread<M: Brings>(&mut self, result: Result<M, Panic>) -> Option<M> {
        block_on(self.spared(Face::Thread, result))
    }

    pub async fn spared_in_task<M: Brings>(&mut self, result: Result<M, Panic>) -> Option<M> {
        self.spared(Face::Task, result).await
    }

    /// Takes what the body brought for the elements that it was asked for; `keep` stores it, on the terms of the function. What
    /// goes to stores does so later.
    ///
    /// # Errors
    ///
    /// What the call gives if the body failed.
    ///
    /// # Panics
    ///
    /// If a vector has not as many values as there are keys: nobody knows which value is whose.
    pub fn keep<M, E, Q>(
        &mut self,
        brought: M,
        asked: &[E],
        name: impl Fn(&E) -> &Q,
        keep: impl Fn(usize, &mut Run<H, K, Kd>, Ending<'_, Kd>) -> Option<Kept<H, Kd>>,
    ) -> Result<Laters<H, Kd>, M>
    where
        M: Many<Q, Kd, One = Kd::Ret>,
        Q: ?Sized,
    {
        let flights = self.flights();
        let inside = flights.enter();
        let mut laters = Laters::new();
        let running = self.keys.iter_mut().enumerate().filter(|(_, one)| matches!(one.state, State::Runs(_)));
        let keys: Vec<&Q> = asked.iter().map(name).collect();
        let mut end = |(number, one): (usize, &mut super::One<H, K, Kd>), ending| {
            let State::Runs(mut run) = std::mem::replace(&mut one.state, State::Lacks) else { return };
            let result = keep(one.element, &mut run, ending).and_then(|kept| laters.add(number, kept));
            if let Some(Ok(value)) = result.map(Kd::split) {
                one.state = State::Has(value);
            }
        };
        let failure = match brought.apart(&keys) {
            Apart::Each(results) => {
                let (name, asked, given) = (self.name, keys.len(), results.len());
                assert!(
                    asked == given,
                    "`{name}` was asked for {asked} keys and gave {given} values: it has to give one for each"
                );
                running.zip(results).for_each(|(one, result)| end(one, Ending::Value(result)));
                None
            }
            Apart::Failed(result) => {
                running.for_each(|one| end(one, Ending::Failed(&result)));
                M::failure(result)
            }
        };
        drop(inside);
        match failure {
            Some(failure) => Err(failure),
            None => Ok(laters),
        }
    }

    /// What the call gives for the elements of its argument.
    pub fn output<M, E, Q>(mut self, elements: &[E], name: impl Fn(&E) -> &Q) -> M
    where
        M: Many<Q, Kd, One = Kd::Ret>,
        Q: ?Sized,
    {
        let (order, mut keys) = (std::mem::take(&mut self.order), std::mem::take(&mut self.keys));
        let mut left = vec![0_usize; keys.len()];
        for &number in &order {
            left[number] += 1;
        }
        let results = order.iter().zip(elements).map(|(&number, element)| {
            left[number] -= 1;
            let value = match &mut keys[number].state {
                State::Has(value) if left[number] > 0 => Some(Kd::copy(value)),
                state => match std::mem::replace(state, State::Lacks) {
                    State::Has(value) => Some(value),
                    _ => None,
                },
            };
            (name(element), value.map(Kd::join))
        });
        M::together(results)
    }
}

impl<H, K, Kd> Batch<H, K, Kd>
where
    H: HomeOf<Kd> + Send + Sync + 'static,
    K: 'static,
    Kd: Kind<Val: Send + Sync>,
{
    async fn store(&mut self, face: Face, laters: Laters<H, Kd>) {
        for (number, value) in laters.settle(face).await {
            self.keys[number].state = State::Has(value);
        }
    }

    /// Puts values into the stores.
    pub fn store_on_thread(&mut self, laters: Laters<H, Kd>) {
        block_on(self.store(Face::Thread, laters));
    }

    pub async fn store_in_task(&mut self, laters: Laters<H, Kd>) {
        self.store(Face::Task, laters).await;
    }
}
