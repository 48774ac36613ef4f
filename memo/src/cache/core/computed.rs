//! Values that are computed if they are not there.

use std::{borrow::Borrow, ops::ControlFlow};

use super::{Borrowed, Core, Key, Lookup, Value};
use crate::{
    call::{
        answer::Reported,
        begin::{self as steps, Outside, Step, Wanted, Where},
        begun::Started,
        extras::Extras,
        home::Home as _,
        kind::Kind,
        waits::InTask,
    },
    error::Error,
    flight::wait::block_on,
    key::{Asking, Query},
    memory::locked::UnderLock,
    space::Face,
};

impl<K: Key, V: Value> Core<K, V> {
    fn begin<Kd: Kind<Val = V>, Q: ?Sized + Lookup<K>>(
        &self,
        face: Face,
        query: &Borrowed<'_, K, Q>,
    ) -> Result<Begun<Kd>, Error>
    where
        K: Borrow<Q>,
    {
        let hash = query.hash();
        let looks = match self.hit(query, (hash, true), V::clone) {
            ControlFlow::Break(value) => return Ok(Begun { step: None, answer: Reported::done(Kd::join(value)) }),
            ControlFlow::Continue(looks) => looks,
        };
        let outside = match self.stores().filter(|_| !UnderLock::is_here()) {
            Some(_) => self.outside(&query.to_owned(), hash)?.map(|(_, key)| Outside { face, key }),
            None => None,
        };
        let mut answer = Reported::new(self.0.silent);
        let wanted = Wanted { key: &Asking::copied(query), hash, place: Where::Found(outside), contents: None };
        let step = steps::begin(self.0.home.used(), wanted, &mut answer, looks);
        Ok(Begun { step: Some(step), answer })
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
            step = Some(waits.block(self.0.home.instance()).step(self.0.home.used(), &mut answer));
        }
        match answer.end(step, &self.0.home)? {
            Started::Done(result) => Ok(result),
            Started::Run(mut run) => {
                let result = run.call(compute);
                Ok(run.keep(result, Extras::<K, V>::new()).on_thread())
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
            let waited = InTask::new(self.0.home.clone(), waits).await;
            step = Some(waited.step(self.0.home.used(), &mut answer));
        }
        match answer.end(step, &self.0.home)? {
            Started::Done(result) => Ok(result),
            Started::Run(mut run) => {
                let result = run.drive(compute).await;
                Ok(run.keep(result, Extras::<K, V>::new()).in_task().await)
            }
        }
    }
}

/// The first step of a computation; none if it is answered already.
struct Begun<Kd: Kind> {
    step: Option<Step>,
    answer: Reported<Kd>,
}
