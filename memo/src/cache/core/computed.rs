//! Values that are computed if they are not there.

use std::borrow::Borrow;

use super::{Borrowed, Core, Key, Lookup, Value};
use crate::{
    call::{
        answer::Reported,
        begin::{self as steps, Outside, Started, Step, Waits, Wanted},
        extras::Extras,
        kind::Kind,
        place::Taking,
        switch,
    },
    error::Error,
    flight::wait::block_on,
    key::{Asking, Query},
    space::Face,
};

impl<K: Key, V: Value> Core<K, V> {
    fn begin<Kd: Kind<Val = V>, Q: ?Sized + Lookup<K>>(
        &self,
        face: Face,
        query: &Borrowed<'_, K, Q>,
    ) -> Result<Begun<'_, Kd>, Error>
    where
        K: Borrow<Q>,
    {
        let hash = query.hash();
        if self.has_memory()
            && switch::is_ordinary()
            && let Some(value) = self.0.typed.hit(query, hash, V::clone, |value| value)
        {
            return Ok(Begun { step: None, answer: Reported::done(Kd::join(value)) });
        }
        let outside = match self.stores() {
            Some(_) => self.outside(&query.to_owned(), hash)?.map(|(_, key)| Outside { face, key }),
            None => None,
        };
        let mut answer = Reported::new(self.0.silent, self.taking().weigh);
        let wanted = Wanted { key: &Asking::copied(query), hash, outside };
        let step = steps::begin(self.instance(), wanted, &mut answer, false);
        Ok(Begun { step: Some(step), answer })
    }

    /// How memory takes over what the stores have.
    pub(super) fn taking(&self) -> Taking<'_, V> {
        Taking { copy: V::clone, weigh: self.0.weigh_any.as_deref() }
    }

    /// The terms of what is computed.
    fn extras(&self) -> Extras<'_, K, V> {
        match &self.0.weigh {
            Some(weigh) => Extras::new().weigh(&**weigh),
            None => Extras::new(),
        }
    }

    pub(in crate::cache) fn computed<Kd, Q: ?Sized + Lookup<K>>(
        &self,
        key: &Q,
        compute: impl FnOnce() -> Kd::Ret,
    ) -> Result<Kd::Ret, Error>
    where
        Kd: Kind<Val = V, Shared: Send + Sync>,
        K: Borrow<Q>,
    {
        block_on(self.ready(Face::Thread))?;
        let Begun { mut step, mut answer } = self.begin::<Kd, Q>(Face::Thread, &Borrowed::new(key))?;
        while let Some(Step::Wait(waits)) = step {
            step = Some(waits.block().step(self.instance(), &mut answer));
        }
        match answer.end(step, &self.0.home)? {
            Started::Done(result) => Ok(result),
            Started::Run(mut run) => {
                let result = run.call(compute);
                #[cfg(feature = "stores")]
                if self.stores().is_some() {
                    return Ok(run.keep(result, self.extras()).on_thread());
                }
                Ok(run.finish_with(result, self.extras()))
            }
        }
    }

    pub(in crate::cache) async fn computed_in_task<Kd, Q: ?Sized + Lookup<K>>(
        &self,
        key: &Q,
        compute: impl Future<Output = Kd::Ret>,
    ) -> Result<Kd::Ret, Error>
    where
        Kd: Kind<Val = V, Shared: Send + Sync>,
        K: Borrow<Q>,
    {
        self.ready(Face::Task).await?;
        let Begun { mut step, mut answer } = self.begin::<Kd, Q>(Face::Task, &Borrowed::new(key))?;
        while let Some(Step::Wait(waits)) = step {
            let mut waits = Some(waits);
            let waited = std::future::poll_fn(|cx| Waits::poll(&mut waits, cx)).await;
            step = Some(waited.step(self.instance(), &mut answer));
        }
        match answer.end(step, &self.0.home)? {
            Started::Done(result) => Ok(result),
            Started::Run(mut run) => {
                let result = run.drive(compute).await;
                #[cfg(feature = "stores")]
                if self.stores().is_some() {
                    return Ok(run.keep(result, self.extras()).in_task().await);
                }
                Ok(run.finish_with(result, self.extras()))
            }
        }
    }
}

/// The first step of a computation; none if it is answered already.
struct Begun<'a, Kd: Kind> {
    step: Option<Step>,
    answer: Reported<'a, Kd>,
}
