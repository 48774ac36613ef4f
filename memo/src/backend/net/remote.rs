//! A store on a server, written once for threads and tasks.

use std::ops::ControlFlow;

use crate::{
    backend::{Capabilities, Change, Ear, Edit, Face, Item, Listening, Moment, UnixMillis, Visit},
    error::Error,
};

/// What [`Backend`] and [`AsyncBackend`] are made of. On a thread the futures may block.
pub(in crate::backend) trait Remote: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn capabilities(&self) -> Capabilities;
    fn get(&self, face: Face, key: &[u8]) -> impl Future<Output = Result<Option<Vec<u8>>, Error>> + Send;
    fn get_many(&self, face: Face, keys: &[&[u8]]) -> impl Future<Output = Result<Vec<Option<Vec<u8>>>, Error>> + Send;
    fn set_many(&self, face: Face, items: &[(&[u8], Item<'_>)]) -> impl Future<Output = Result<(), Error>> + Send;
    fn remove_many(&self, face: Face, keys: &[&[u8]]) -> impl Future<Output = Result<Vec<bool>, Error>> + Send;
    fn remove_prefixes(&self, face: Face, prefixes: &[&[u8]]) -> impl Future<Output = Result<Vec<u64>, Error>> + Send;
    fn remove_tagged(
        &self,
        face: Face,
        prefix: &[u8],
        tags: &[&str],
    ) -> impl Future<Output = Result<u64, Error>> + Send;
    fn moments(&self, face: Face, keys: &[&[u8]]) -> impl Future<Output = Result<Vec<Option<Moment>>, Error>> + Send;
    /// Makes a change if the entry is still the one that was `seen`; was it?
    fn replace(
        &self,
        face: Face,
        key: &[u8],
        seen: Option<&[u8]>,
        change: &Change,
    ) -> impl Future<Output = Result<bool, Error>> + Send;
    /// Some of the entries under a prefix, behind a key or from the first on, and the last key that was looked at; nothing of
    /// either at the end.
    fn page(&self, face: Face, prefix: &[u8], after: Option<&[u8]>)
    -> impl Future<Output = Result<Page, Error>> + Send;
    fn count(&self, face: Face, prefix: &[u8]) -> impl Future<Output = Result<u64, Error>> + Send;
    fn listen(&self, ear: Ear) -> Result<Listening, Error>;
    fn purge(&self, face: Face, now: UnixMillis) -> impl Future<Output = Result<u64, Error>> + Send;
}

/// What a store can do whose server has transactions, and tells what happens.
pub(in crate::backend) const EVERYTHING: Capabilities = Capabilities {
    atomic_batch: true,
    atomic_update: true,
    count: true,
    enumerate: true,
    tags: true,
    fences: true,
    notify: true,
    persistent: true,
    shared: true,
};

/// A part of what a scan shows.
pub(in crate::backend) struct Page {
    pub(in crate::backend) entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the next page begins; `None`: there is none.
    pub(in crate::backend) more_after: Option<Vec<u8>>,
}

/// So often an entry that others change at the same time is read again; of those who try at once, one comes through each time.
const TRIES: u32 = 1000;

/// Reads an entry and puts another in its place.
pub(in crate::backend) async fn update<R: Remote>(
    store: &R,
    face: Face,
    key: &[u8],
    edit: Edit<'_>,
) -> Result<(), Error> {
    for _ in 0..TRIES {
        let seen = store.get(face, key).await?;
        let change = edit(seen.as_deref());
        if change == Change::Keep || store.replace(face, key, seen.as_deref(), &change).await? {
            return Ok(());
        }
    }
    Err(Error::unavailable(format!("an entry in `{}` was changed {TRIES} times while it was written", store.name())))
}

/// Shows all entries under a prefix, page by page.
pub(in crate::backend) async fn scan<R: Remote>(
    store: &R,
    face: Face,
    prefix: &[u8],
    visit: Visit<'_>,
) -> Result<(), Error> {
    let mut after = None;
    loop {
        let page = store.page(face, prefix, after.as_deref()).await?;
        for (key, bytes) in &page.entries {
            if visit(key, bytes) == ControlFlow::Break(()) {
                return Ok(());
            }
        }
        if page.more_after.is_none() {
            return Ok(());
        }
        after = page.more_after;
    }
}

/// What is said of the one thing in a batch.
pub(in crate::backend) async fn only<T: Default>(
    results: impl Future<Output = Result<Vec<T>, Error>>,
) -> Result<T, Error> {
    Ok(results.await?.into_iter().next().unwrap_or_default())
}

/// Gives a [`Remote`] the two traits of stores: both from one list.
macro_rules! two_faces {
    ($store:ty) => {
        impl $crate::backend::Backend for $store {
            two_faces! { @methods thread '_ }
        }

        impl $crate::backend::AsyncBackend for $store {
            two_faces! { @methods task 'a }
        }
    };
    (@methods $face:tt $a:lifetime) => {
        fn name(&self) -> &'static str {
            Remote::name(self)
        }

        fn capabilities(&self) -> Capabilities {
            Remote::capabilities(self)
        }

        fn listen(&self, ear: Ear) -> Result<Listening, Error> {
            Remote::listen(self, ear)
        }

        two_faces! { @$face
            get(store, face, key: &$a [u8]) -> Option<Vec<u8>> = Remote::get(store, face, key);
            set(store, face, key: &$a [u8], item: Item<$a>) -> () = Remote::set_many(store, face, &[(key, item)]);
            remove(store, face, key: &$a [u8]) -> bool = only(Remote::remove_many(store, face, &[key]));
            remove_prefix(store, face, prefix: &$a [u8]) -> u64 = only(Remote::remove_prefixes(store, face, &[prefix]));
            remove_tagged(store, face, prefix: &$a [u8], tags: &$a [&$a str]) -> u64
                = Remote::remove_tagged(store, face, prefix, tags);
            moment(store, face, key: &$a [u8]) -> Option<Moment> = only(Remote::moments(store, face, &[key]));
            moments(store, face, keys: &$a [&$a [u8]]) -> Vec<Option<Moment>> = Remote::moments(store, face, keys);
            update(store, face, key: &$a [u8], edit: Edit<$a>) -> () = update(store, face, key, edit);
            get_many(store, face, keys: &$a [&$a [u8]]) -> Vec<Option<Vec<u8>>> = Remote::get_many(store, face, keys);
            set_many(store, face, items: &$a [(&$a [u8], Item<$a>)]) -> () = Remote::set_many(store, face, items);
            remove_many(store, face, keys: &$a [&$a [u8]]) -> Vec<bool> = Remote::remove_many(store, face, keys);
            remove_prefixes(store, face, prefixes: &$a [&$a [u8]]) -> Vec<u64>
                = Remote::remove_prefixes(store, face, prefixes);
            scan(store, face, prefix: &$a [u8], visit: Visit<$a>) -> () = scan(store, face, prefix, visit);
            count(store, face, prefix: &$a [u8]) -> u64 = Remote::count(store, face, prefix);
            purge(store, face, now: UnixMillis) -> u64 = Remote::purge(store, face, now);
        }
    };
    (@thread $($name:ident($store:ident, $face:ident, $($given:ident: $type:ty),*) -> $result:ty = $answer:expr;)*) => {$(
        fn $name(&self, $($given: $type),*) -> Result<$result, Error> {
            let ($store, $face) = (self, Face::Thread);
            block_on(async { $answer.await })
        }
    )*};
    (@task $($name:ident($store:ident, $face:ident, $($given:ident: $type:ty),*) -> $result:ty = $answer:expr;)*) => {$(
        #[allow(clippy::elidable_lifetime_names, reason = "most of them are given something that lives as long")]
        fn $name<'a>(&'a self, $($given: $type),*) -> Answer<'a, $result> {
            let ($store, $face) = (self, Face::Task);
            Box::pin(async move { $answer.await })
        }
    )*};
}
pub(in crate::backend) use two_faces;
