//! Where a call stands, as generated code sees it.

use std::{
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{
    answer::{Guard, Guarded, Plain},
    begin::{Settled, Step},
    home::Home,
    kind::Kind,
    run::Run,
    share::HomeOf,
    waits::{InTask, Waited, Waits},
};
#[cfg(feature = "stores")]
use crate::memory::entries::weigh_any;

/// Where a call stands, as generated code sees it.
#[cfg_attr(feature = "stores", expect(clippy::large_enum_variant, reason = "in a box, every wait would allocate"))]
pub enum Begun<H: Home, K, Kd: Kind> {
    /// It has its result.
    Done(Kd::Ret),
    /// It is to run the body.
    Run(Run<H, K, Kd>),
    /// It is to wait for another's run.
    Wait(Waiting<H, K, Kd>),
}

/// Where a call stands that does not wait any more.
pub enum Started<H: Home, K, Kd: Kind> {
    Done(Kd::Ret),
    Run(Run<H, K, Kd>),
}

impl<H: HomeOf<Kd>, K: 'static, Kd: Kind> Started<H, K, Kd> {
    pub(crate) fn at(settled: Settled, home: H, result: Option<Kd::Ret>) -> Self {
        match (settled, result) {
            (Settled::Run(running), _) => Self::Run(Run::new(home, running)),
            (Settled::Done, Some(result)) => Self::Done(result),
            (Settled::Done, None) => Self::Run(Run::new(home, None)),
        }
    }
}

impl<H: Home, K, Kd: Kind> From<Started<H, K, Kd>> for Begun<H, K, Kd> {
    fn from(started: Started<H, K, Kd>) -> Self {
        match started {
            Started::Done(result) => Self::Done(result),
            Started::Run(run) => Self::Run(run),
        }
    }
}

impl<H: HomeOf<Kd>, K: 'static, Kd: Kind> Begun<H, K, Kd> {
    pub(crate) fn at(step: Step, home: H, result: Option<Kd::Ret>) -> Self {
        match step {
            Step::Wait(waits) => Self::Wait(Waiting { waits: InTask::new(home, waits), _types: PhantomData }),
            Step::Settled(settled) => Started::at(settled, home, result).into(),
        }
    }
}

/// A caller that waits in its task; what comes out says how to go on.
pub struct Waiting<H: Home, K, Kd> {
    waits: InTask<H>,
    _types: PhantomData<fn(K) -> Kd>,
}

impl<H: Home, K, Kd> Waiting<H, K, Kd> {
    pub(super) fn home(&self) -> &H {
        self.waits.home()
    }

    /// What is waited for.
    pub(super) fn waits(&self) -> Option<&Waits> {
        self.waits.waits()
    }

    pub(super) fn into_parts(mut self) -> Option<(H, Waits)> {
        Some((self.waits.home().clone(), self.waits.take()?))
    }

    /// Waits on the calling thread.
    pub(super) fn block(self) -> Option<Again<H, K, Kd>> {
        let (home, waits) = self.into_parts()?;
        let waited = waits.block(home.instance());
        Some(Again::new(home, waited))
    }
}

/// A caller that has waited in its task.
pub struct Again<H, K, Kd> {
    home: H,
    waited: Waited,
    _types: PhantomData<fn(K) -> Kd>,
}

// Nothing in it is pinned.
impl<H: Home, K, Kd> Unpin for Waiting<H, K, Kd> {}

impl<H: Home, K, Kd> Future for Waiting<H, K, Kd> {
    type Output = Again<H, K, Kd>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waited = ready!(Pin::new(&mut self.waits).poll(cx));
        Poll::Ready(Again::new(self.waits.home().clone(), waited))
    }
}

impl<H, K, Kd> Again<H, K, Kd> {
    pub(super) fn new(home: H, waited: Waited) -> Self {
        Self { home, waited, _types: PhantomData }
    }

    /// Did it wait before it began?
    pub(super) fn begins(&self) -> bool {
        self.waited.begins()
    }
}

impl<H: HomeOf<Kd>, K: 'static, Kd: Kind> Again<H, K, Kd> {
    pub fn again(self) -> Begun<H, K, Kd> {
        let mut answer = Plain::<Kd>(None);
        let step = self.waited.step(self.home.used(), &mut answer);
        Begun::at(step, self.home, answer.0)
    }

    /// The same where entries have weight.
    #[cfg(feature = "stores")]
    pub fn again_weighing(self, guard: Guard<'_, Kd>, weigh: impl Fn(&K, &Kd::Val) -> u64) -> Begun<H, K, Kd> {
        let weigh = weigh_any(weigh);
        self.again_with(guard.weigh(&weigh))
    }

    #[expect(clippy::needless_pass_by_value, reason = "generated code has no other use for it")]
    pub fn again_with(self, guard: Guard<'_, Kd>) -> Begun<H, K, Kd> {
        let mut answer = Guarded::by(&guard);
        let step = self.waited.step(self.home.used(), &mut answer);
        Begun::at(step, self.home, answer.result)
    }
}
