//! `redis://`, `rediss://`, `redis+unix://`, `redis-cluster://`: Redis, Valkey, and what else speaks like them.

use std::{fmt, sync::Arc, time::Duration};

use redis::{Cmd, FromRedisValue, cmd};

use self::{
    connections::{Connections, Request},
    layout::{Job, Layout},
    listener::Listener,
    scripts::{Call, Script},
    target::Target,
};
use super::{
    Answer, Capabilities, Change, Ear, Edit, Face, Item, Listening, Moment, UnixMillis, Url, Visit,
    net::{Breaker, EVERYTHING, Page, Remote, Server, only, runtime, scan, two_faces, unique, update},
};
use crate::{clock, error::Error, flight::wait::block_on};

mod connections;
mod failure;
mod layout;
mod listener;
mod scripts;
mod target;

/// A store in Redis or Valkey, from version 6.2 on: one server, or a cluster of them.
///
/// | URL | where |
/// | --- | --- |
/// | `redis://user:password@host:6379/0` | one server, and the number of a database; all but the host may be missing |
/// | `rediss://…` | the same through TLS (feature `redis-tls`) |
/// | `redis+unix://user:password@/path/to/socket` | a server on this host |
/// | `redis-cluster://user:password@host,host:7001` | a cluster, by some of its nodes (feature `redis-cluster`) |
///
/// | parameter | meaning | default |
/// | --- | --- | --- |
/// | `prefix` | what all keys begin with; any text, but for `e` and `t` behind a colon, and a number in braces at the beginning. Stores of different prefixes know nothing of each other | `memo` |
/// | `timeout` | how long an answer is waited for | `1s` |
/// | `connect_timeout` | how long a connection is waited for | `1s` |
/// | `pool` | the most connections for threads; tasks share one | `16` |
/// | `trip_after` | after so many failures in a row the server is left alone; `0`: never | `5` |
/// | `pause` | for so long; then one request tries | `1s` |
/// | `eviction` | `refuse`: a server that may evict any key (`maxmemory-policy allkeys-…`) is not used, because it could evict what clearing a tag needs; `accept`: it is, and clearing may leave entries until they expire | `refuse` |
/// | `db` | the number of the database, for `redis+unix` | `0` |
/// | `ca` | a file with the certificates that are trusted, for `rediss` | those of the system |
///
/// Entries are strings, so a hit is one `GET` and a batch one `MGET`. Beside them stand the indexes by which they are found (see
/// `scripts.rs`). All changes are scripts, so nobody sees a part of one. In a cluster the entries are spread over 64 slots, each
/// with indexes of its own, and a batch is atomic within each of them.
///
/// What is durable when `set` returns is what the server's configuration makes it: see [`backend`](mod@crate::backend). What another process
/// invalidates while a value is computed keeps it out, also if the server lost everything meanwhile; but a server that was set back
/// (a snapshot that is loaded again, a replica that had not everything and takes over) has forgotten what was removed since.
///
/// Memory in front hears of changes through a connection of its own. Once a second it is asked for a sign of life, which is waited for as long as
/// `connect_timeout` says: a connection that is lost without a word goes unnoticed for at most both together, 2 s by default, and
/// for so long memory may give what others have removed.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    scheme: &'static str,
    layout: Layout,
    target: Arc<Target>,
    connections: Connections,
    /// Tells what this store publishes from what others do.
    origin: String,
    connect_timeout: Duration,
    breaker: Breaker,
    shown: String,
}

impl Redis {
    /// The store of a URL. Connects when it is first asked.
    ///
    /// # Errors
    ///
    /// If the URL is wrong.
    pub fn open(url: &Url) -> Result<Self, Error> {
        const SCHEMES: [&str; 4] = ["redis", "rediss", "redis+unix", "redis-cluster"];
        url.expect_scheme(&SCHEMES)?;
        let scheme = SCHEMES.into_iter().find(|scheme| *scheme == url.scheme()).unwrap_or(SCHEMES[0]);
        let server = Server::of(url)?;
        let target = target::of(url, &server)?;
        Self::made(scheme, url, &server, target)
    }

    /// A store by a client of the crate `redis` 1 that its user made, with settings as they stand behind the `?` of a URL: `prefix=app&timeout=2s`.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use memo::{Cache, Tier, backend::Redis};
    ///
    /// let client = redis::Client::open("redis://127.0.0.1:1")?; // nobody listens there
    /// let store = Redis::with_client(client, "prefix=app&timeout=200ms")?;
    /// let users: Cache<u64, String> = Cache::builder("users").tier(Tier::of(Arc::new(store))).build()?;
    /// assert!(users.get(&7).is_err_and(|error| error.is_unavailable()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If a setting is wrong.
    pub fn with_client(client: redis::Client, settings: &str) -> Result<Self, Error> {
        let url = Url::parse(&format!("redis://client?{settings}"))?;
        Self::made("redis", &url, &Server::of(&url)?, Target::One(Box::new(client)))
    }

    /// The client, for what else there is to be asked: of a cluster, that of one of its servers.
    pub fn client(&self) -> &redis::Client {
        self.0.target.node(0)
    }

    fn made(scheme: &'static str, url: &Url, server: &Server, target: Target) -> Result<Self, Error> {
        let target = Arc::new(target);
        let refuses_eviction = url.param("eviction") != Some("accept");
        Ok(Self(Arc::new(Inner {
            scheme,
            layout: Layout::new(&server.prefix, scheme == "redis-cluster", target.database())?,
            breaker: server.breaker()?,
            shown: server.shown.clone(),
            connections: Connections::new(target.clone(), server, refuses_eviction),
            target,
            origin: unique(),
            connect_timeout: server.connect_timeout,
        })))
    }

    /// Asks the server. What changes nothing is asked once more, if the connection was lost.
    async fn ask<T: FromRedisValue>(&self, face: Face, request: Request<'_>) -> Result<T, Error> {
        let Inner { breaker, connections, shown, .. } = &*self.0;
        let value = breaker.ask(shown, request.is_read(), || connections.send(face, &request)).await?;
        redis::from_redis_value(value).map_err(|error| failure::of(&error.into(), shown).error)
    }

    async fn query<T: FromRedisValue>(&self, face: Face, cmd: &Cmd) -> Result<T, Error> {
        self.ask(face, Request::Query(cmd)).await
    }

    /// Runs a script once for each group that is concerned. `add` says what it is to do for a job; each gets an answer.
    async fn run<T: FromRedisValue>(
        &self,
        face: Face,
        script: &'static Script,
        jobs: Vec<Job>,
        add: impl Fn(&mut Call, &Job) + Send,
    ) -> Result<Vec<(Job, T)>, Error> {
        let mut results = Vec::with_capacity(jobs.len());
        for jobs in layout::by_group(jobs) {
            let Some(Job { group, .. }) = jobs.first() else { continue };
            let mut call = script.on(&self.0.layout.base(*group), &self.0.origin, self.0.layout.channel());
            for job in &jobs {
                add(&mut call, job);
            }
            let answers: Vec<T> = self.ask(face, Request::Run(&call)).await?;
            results.extend(jobs.into_iter().zip(answers));
        }
        Ok(results)
    }

    /// Does something to all entries under prefixes, a bounded number at a time, so that others get a turn; gives the number for
    /// each prefix.
    async fn run_to_the_end(
        &self,
        face: Face,
        script: &'static Script,
        prefixes: &[&[u8]],
        add: impl Fn(&mut Call) + Send + Sync,
    ) -> Result<Vec<u64>, Error> {
        let mut counts = vec![0; prefixes.len()];
        let mut jobs = self.0.layout.under(prefixes);
        while !jobs.is_empty() {
            let add = |call: &mut Call, job: &Job| {
                call.range(prefixes[job.number], job.after.as_deref());
                add(call);
            };
            let done: Vec<(Job, (u64, Vec<u8>))> = self.run(face, script, jobs, add).await?;
            jobs = Vec::new();
            for (job, (count, after)) in done {
                counts[job.number] += count;
                if !after.is_empty() {
                    jobs.push(Job { after: Some(after), ..job });
                }
            }
        }
        Ok(counts)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.0.shown).finish()
    }
}

/// Keys and what stands under them, and the last key if there may be more.
type Shown = (Vec<(Vec<u8>, Option<Vec<u8>>)>, Vec<u8>);

fn add_item(call: &mut Call, key: &[u8], item: &Item<'_>) {
    // The server counts the time that is left by its own clock; by which it is purged, later, is ours.
    let left = item.expires.map(|expires| expires.saturating_sub(clock::unix_now()));
    call.bytes(key).bytes(item.bytes).maybe(left).maybe(item.expires).maybe(item.since);
    call.number(item.tags.len() as u64);
    for tag in item.tags {
        call.bytes(tag.as_bytes());
    }
}

impl Remote for Redis {
    fn name(&self) -> &'static str {
        self.0.scheme
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { atomic_batch: self.0.layout.is_one(), ..EVERYTHING }
    }

    async fn get(&self, face: Face, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut get = cmd("GET");
        get.arg(self.0.layout.entry(key));
        self.query(face, &get).await
    }

    async fn get_many(&self, face: Face, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut get = cmd("MGET");
        for key in keys {
            get.arg(self.0.layout.entry(key));
        }
        self.query(face, &get).await
    }

    async fn set_many(&self, face: Face, items: &[(&[u8], Item<'_>)]) -> Result<(), Error> {
        let jobs = self.0.layout.of(items.iter().map(|(key, _)| *key));
        let add = |call: &mut Call, job: &Job| {
            let (key, item) = &items[job.number];
            add_item(call, key, item);
        };
        self.run::<bool>(face, &scripts::SET, jobs, add).await.map(drop)
    }

    async fn remove_many(&self, face: Face, keys: &[&[u8]]) -> Result<Vec<bool>, Error> {
        let jobs = self.0.layout.of(keys.iter().copied());
        let add = |call: &mut Call, job: &Job| {
            call.bytes(keys[job.number]);
        };
        let mut removed = vec![false; keys.len()];
        for (job, was_there) in self.run(face, &scripts::REMOVE, jobs, add).await? {
            removed[job.number] = was_there;
        }
        Ok(removed)
    }

    async fn remove_prefixes(&self, face: Face, prefixes: &[&[u8]]) -> Result<Vec<u64>, Error> {
        self.run_to_the_end(face, &scripts::REMOVE_UNDER, prefixes, |_| {}).await
    }

    async fn remove_tagged(&self, face: Face, prefix: &[u8], tags: &[&str]) -> Result<u64, Error> {
        if tags.is_empty() {
            return Ok(0);
        }
        let add = |call: &mut Call| {
            call.number(tags.len() as u64);
            for tag in tags {
                call.bytes(tag.as_bytes());
            }
        };
        only(self.run_to_the_end(face, &scripts::REMOVE_TAGGED, &[prefix], add)).await
    }

    async fn moments(&self, face: Face, keys: &[&[u8]]) -> Result<Vec<Option<Moment>>, Error> {
        let add = |call: &mut Call, job: &Job| {
            call.bytes(keys[job.number]);
        };
        let mut moments = vec![None; keys.len()];
        for (job, moment) in self.run(face, &scripts::MOMENT, self.0.layout.of(keys.iter().copied()), add).await? {
            moments[job.number] = Some(moment);
        }
        Ok(moments)
    }

    async fn replace(&self, face: Face, key: &[u8], seen: Option<&[u8]>, change: &Change) -> Result<bool, Error> {
        let add = |call: &mut Call, _: &Job| {
            call.number(seen.is_some().into()).bytes(seen.unwrap_or_default());
            match change {
                Change::Set { bytes, expires, tags, since, is_news } => {
                    call.number(if *is_news { 1 } else { 2 });
                    Item::borrowed(bytes, *expires, tags, |item| add_item(call, key, &item.since(*since)));
                }
                Change::Keep | Change::Remove => {
                    call.number(0).bytes(key);
                }
            }
        };
        let replaced: Vec<(Job, bool)> = self.run(face, &scripts::REPLACE, self.0.layout.of([key]), add).await?;
        Ok(replaced.iter().all(|(_, replaced)| *replaced))
    }

    async fn page(&self, face: Face, prefix: &[u8], after: Option<&[u8]>) -> Result<Page, Error> {
        // What is after is a group and a key.
        let (group, after) = after.map_or((0, None), |after| (usize::from(after[0]), Some(&after[1..])));
        let jobs: Vec<Job> = self.0.layout.under(&[prefix]);
        let groups: Vec<usize> = jobs.iter().map(|job| job.group).filter(|of| *of >= group).collect();
        let Some((group, others)) = groups.split_first() else {
            return Ok(Page { entries: Vec::new(), more_after: None });
        };
        let job = Job { group: *group, number: 0, after: after.filter(|after| !after.is_empty()).map(<[u8]>::to_vec) };
        let add = |call: &mut Call, job: &Job| {
            call.range(prefix, job.after.as_deref());
        };
        let mut shown: Vec<(Job, Shown)> = self.run(face, &scripts::PAGE_OF, vec![job], add).await?;
        let (entries, last) = shown.pop().map(|(_, page)| page).unwrap_or_default();
        let place = |group: usize, key: &[u8]| [&[u8::try_from(group).unwrap_or(u8::MAX)], key].concat();
        let more_after = match others.first() {
            _ if !last.is_empty() => Some(place(*group, &last)),
            Some(next) => Some(place(*next, b"")),
            None => None,
        };
        let entries = entries.into_iter().filter_map(|(key, bytes)| Some((key, bytes?))).collect();
        Ok(Page { entries, more_after })
    }

    async fn count(&self, face: Face, prefix: &[u8]) -> Result<u64, Error> {
        // What the server let expire is out of its indexes then.
        Remote::purge(self, face, clock::unix_now()).await?;
        let add = |call: &mut Call, _: &Job| {
            call.range(prefix, None);
        };
        let counted: Vec<(Job, u64)> = self.run(face, &scripts::COUNT, self.0.layout.under(&[prefix]), add).await?;
        Ok(counted.into_iter().map(|(_, count)| count).sum())
    }

    fn listen(&self, ear: Ear) -> Result<Listening, Error> {
        let listener = Listener {
            target: self.0.target.clone(),
            channel: self.0.layout.channel().to_owned(),
            origin: self.0.origin.clone(),
            patience: self.0.connect_timeout,
            ear,
        };
        runtime::run(listener.run())
    }

    async fn purge(&self, face: Face, now: UnixMillis) -> Result<u64, Error> {
        let mut purged = 0;
        let mut jobs = self.0.layout.under(&[b""]);
        while !jobs.is_empty() {
            let add = |call: &mut Call, _: &Job| {
                call.number(now);
            };
            let done: Vec<(Job, (u64, bool))> = self.run(face, &scripts::PURGE, jobs, add).await?;
            purged += done.iter().map(|(_, (count, _))| count).sum::<u64>();
            jobs = done.into_iter().filter(|(_, (_, has_more))| *has_more).map(|(job, _)| job).collect();
        }
        Ok(purged)
    }
}

two_faces!(Redis);
