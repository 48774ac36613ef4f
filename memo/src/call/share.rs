//! What a leader hands to its followers, by where the function lives.

use std::sync::Arc;

use super::{
    guest::OfGuest,
    home::{Home, OfCache, OfProcess, OfThread},
    kind::Kind,
};
use crate::flight::slot::Shared;

/// A home in which functions of this kind live: it can hand a leader's result to the followers.
pub trait HomeOf<Kd: Kind>: Home {
    fn share(result: &Kd::Ret) -> Option<Shared>;
}

impl<Kd: Kind<Shared: Send + Sync>> HomeOf<Kd> for OfProcess {
    fn share(result: &Kd::Ret) -> Option<Shared> {
        Kd::share(result).map(|shared| Arc::new(shared) as Shared)
    }
}

/// Functions of several kinds may ask one cache: what all of them understand is the value.
impl<Kd: Kind<Val: Send + Sync, Shared: Send + Sync>> HomeOf<Kd> for OfCache {
    fn share(result: &Kd::Ret) -> Option<Shared> {
        let value = Kd::value(result).map(|value| Arc::new(value) as Shared);
        value.or_else(|| <OfProcess as HomeOf<Kd>>::share(result))
    }
}

impl<Kd: Kind<Val: Send + Sync, Shared: Send + Sync>> HomeOf<Kd> for OfGuest {
    fn share(result: &Kd::Ret) -> Option<Shared> {
        <OfCache as HomeOf<Kd>>::share(result)
    }
}

/// On one thread nobody can wait for another.
impl<Kd: Kind> HomeOf<Kd> for OfThread {
    fn share(_: &Kd::Ret) -> Option<Shared> {
        None
    }
}
