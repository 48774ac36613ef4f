//! How the server is reached: by connections of their own for threads, by one that all share for tasks.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{
    Cmd, ConnectionLike as _, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value, aio::ConnectionLike as _,
};

use super::{failure, scripts::Call, target::Target};
use crate::{
    backend::{
        Face,
        net::{Connect, Failure, Link, Links, Place, Pool, Server, within},
    },
    clock::{self, Millis},
    error::Error,
};

/// A connection that nobody has used for so long may have been closed by the server, which does so after a second at the earliest. What
/// changes something is asked once only, so then the connection is tried first.
const IDLE: Millis = 500;

fn is_idle(used: Millis) -> bool {
    clock::machine().saturating_sub(used) >= IDLE
}

/// What is asked of a server.
pub(super) enum Request<'a> {
    /// Something that changes nothing.
    Query(&'a Cmd),
    Run(&'a Call),
}

impl Request<'_> {
    /// May it be asked twice?
    pub(super) fn is_read(&self) -> bool {
        match self {
            Self::Query(_) => true,
            Self::Run(call) => call.is_read(),
        }
    }

    /// Asks a connection, which is ours alone or not.
    async fn send(&self, wire: &mut Wire) -> RedisResult<Value> {
        match self {
            Self::Query(query) => wire.send(query).await,
            Self::Run(call) => match wire.send(&call.by_hash()).await {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    wire.send(&call.by_text()).await
                }
                answer => answer,
            },
        }
    }
}

/// A connection of either kind.
#[derive(Clone)]
pub(super) enum Shared {
    One(redis::aio::MultiplexedConnection),
    #[cfg(feature = "redis-cluster")]
    Cluster(redis::cluster_async::ClusterConnection),
}

pub(super) enum Own {
    One(redis::Connection),
    #[cfg(feature = "redis-cluster")]
    Cluster(Box<redis::cluster::ClusterConnection>),
}

/// A connection that waits in the pool, and since when.
struct Kept {
    own: Own,
    used: Millis,
}

/// The connection of tasks, and when it was used last.
#[derive(Clone)]
pub(super) struct Line {
    shared: Shared,
    used: Arc<AtomicU64>,
}

enum Wire {
    Own(Own),
    Shared(Shared),
}

impl Wire {
    /// Of a connection of one's own the answer is ready at once, and the thread blocked until then.
    async fn send(&mut self, cmd: &Cmd) -> RedisResult<Value> {
        let answer = match self {
            Self::Own(Own::One(connection)) => connection.req_command(cmd),
            Self::Shared(Shared::One(connection)) => connection.req_packed_command(cmd).await,
            #[cfg(feature = "redis-cluster")]
            Self::Own(Own::Cluster(connection)) => connection.req_command(cmd),
            #[cfg(feature = "redis-cluster")]
            Self::Shared(Shared::Cluster(connection)) => connection.req_packed_command(cmd).await,
        };
        // A refusal is an answer to some of them.
        answer?.extract_error()
    }
}

/// How connections are made.
pub(super) struct Connector {
    target: Arc<Target>,
    shown: String,
    connect_timeout: Duration,
    /// Is a server that may evict any key still to be refused?
    looks_at_eviction: AtomicBool,
}

pub(super) struct Connections {
    connector: Arc<Connector>,
    links: Links<Connector>,
    pool: Pool<Kept>,
    timeout: Duration,
}

impl Connections {
    pub(super) fn new(target: Arc<Target>, server: &Server, refuses_eviction: bool) -> Self {
        let connector = Arc::new(Connector {
            target,
            shown: server.shown.clone(),
            connect_timeout: server.connect_timeout,
            looks_at_eviction: AtomicBool::new(refuses_eviction),
        });
        let links = Links::new(connector.clone());
        Self { connector, links, pool: Pool::new(server.pool), timeout: server.timeout }
    }

    /// Asks the server once.
    pub(super) async fn send(&self, face: Face, request: &Request<'_>) -> Result<Value, Failure> {
        match face {
            Face::Thread => self.send_here(request).await,
            Face::Task => self.send_shared(request).await,
        }
    }

    async fn send_here(&self, request: &Request<'_>) -> Result<Value, Failure> {
        let mut wire = loop {
            let Some(place) = self.pool.take(self.timeout) else {
                let busy = format!("all connections to `{}` were in use for {:?}", self.connector.shown, self.timeout);
                return Err(Failure::busy(Error::unavailable(busy)));
            };
            match place {
                Place::Connected(Kept { own, used }) => {
                    let mut wire = Wire::Own(own);
                    match self.connector.tried(request, used, &mut wire).await {
                        Ok(true) => break wire,
                        Ok(false) => self.pool.lose(),
                        Err(failure) => {
                            self.pool.lose();
                            return Err(failure);
                        }
                    }
                }
                Place::Free => {
                    break Wire::Own(self.connector.own(self.timeout).inspect_err(|_| self.pool.lose())?);
                }
            }
        };
        let answer = request.send(&mut wire).await.map_err(|error| failure::of(&error, &self.connector.shown));
        match wire {
            Wire::Own(own) if !matches!(&answer, Err(failure) if failure.is_lost) => {
                self.pool.put(Kept { own, used: clock::machine() });
            }
            _ => self.pool.lose(),
        }
        answer
    }

    async fn send_shared(&self, request: &Request<'_>) -> Result<Value, Failure> {
        let link = self.link(request).await?;
        let mut wire = Wire::Shared(link.client.shared);
        let answer = match within(self.timeout, pin!(request.send(&mut wire))).await {
            Some(answer) => answer.map_err(|error| failure::of(&error, &self.connector.shown)),
            None => Err(failure::timeout(&self.connector.shown)),
        };
        if matches!(&answer, Err(failure) if failure.is_lost) {
            self.links.give_up(link.number);
        }
        link.client.used.store(clock::machine(), Ordering::Relaxed);
        answer
    }

    /// The connection that tasks share, another one if the server closed it.
    async fn link(&self, request: &Request<'_>) -> Result<Link<Line>, Failure> {
        let get = async || {
            let link = within(self.connector.connect_timeout, pin!(self.links.get(Face::Task))).await;
            link.unwrap_or_else(|| Err(failure::timeout(&self.connector.shown)))
        };
        // What goes on in the background asks by another connection than what was begun in a runtime.
        loop {
            let link = get().await?;
            let used = link.client.used.load(Ordering::Relaxed);
            let mut wire = Wire::Shared(link.client.shared.clone());
            let tried = within(self.timeout, pin!(self.connector.tried(request, used, &mut wire))).await;
            match tried.unwrap_or_else(|| Err(failure::timeout(&self.connector.shown))) {
                Ok(true) => return Ok(link),
                Ok(false) => self.links.give_up(link.number),
                Err(failure) => {
                    self.links.give_up(link.number);
                    return Err(failure);
                }
            }
        }
    }
}

impl Connector {
    /// Is a connection that was used last then still of use for a request? It is an error if the server does not answer at all.
    async fn tried(&self, request: &Request<'_>, used: Millis, wire: &mut Wire) -> Result<bool, Failure> {
        if request.is_read() || !is_idle(used) {
            return Ok(true);
        }
        match wire.send(&redis::cmd("PING")).await {
            Err(error) if error.is_timeout() => Err(failure::of(&error, &self.shown)),
            answer => Ok(answer.is_ok()),
        }
    }

    fn failed(&self, error: &RedisError) -> Failure {
        // Whatever it is: there is no connection.
        Failure { is_lost: true, ..failure::of(error, &self.shown) }
    }

    /// A connection for a thread.
    fn own(&self, timeout: Duration) -> Result<Own, Failure> {
        let mut own = self.target.own(self.connect_timeout, timeout).map_err(|error| self.failed(&error))?;
        if self.looks_at_eviction.load(Ordering::Relaxed) {
            let info = match &mut own {
                Own::One(connection) => connection.req_command(&info()),
                #[cfg(feature = "redis-cluster")]
                Own::Cluster(connection) => connection.req_command(&info()),
            };
            self.look_at(info).map_err(Failure::lost)?;
        }
        Ok(own)
    }

    /// A server that may evict any key is refused. One that does not say what it does, isn't: it may not let us ask.
    fn look_at(&self, info: RedisResult<Value>) -> Result<(), Error> {
        let info = match info {
            Err(error) if !failure::is_refusal(&error) => return Err(self.failed(&error).error),
            info => info.and_then(|info| Ok(redis::from_redis_value(info)?)).unwrap_or_else(|_| String::new()),
        };
        let said = |name: &str| info.lines().find_map(|line| line.trim().strip_prefix(name));
        if let Some(policy) = said("maxmemory_policy:").filter(|policy| policy.starts_with("allkeys-"))
            && said("maxmemory:") != Some("0")
        {
            return Err(Error::config(format!(
                "`{}` may evict any key (`maxmemory-policy {policy}`), also those by which entries are found when a tag is \
                 cleared: use `noeviction` or one of `volatile-…`, or say `eviction=accept`",
                self.shown
            )));
        }
        self.looks_at_eviction.store(false, Ordering::Relaxed);
        Ok(())
    }
}

fn info() -> Cmd {
    let mut info = redis::cmd("INFO");
    info.arg("memory");
    info
}

impl Connect for Connector {
    type Client = Line;

    async fn connect(&self) -> Result<Line, Error> {
        // Also if nobody waits any more: a server that accepts and says nothing must not be kept on the line.
        let open = within(self.connect_timeout, pin!(self.open())).await;
        let shared = open.unwrap_or_else(|| Err(failure::timeout(&self.shown).error))?;
        Ok(Line { shared, used: Arc::new(AtomicU64::new(clock::machine())) })
    }
}

impl Connector {
    async fn open(&self) -> Result<Shared, Error> {
        let mut shared = self.target.shared().await.map_err(|error| self.failed(&error).error)?;
        if self.looks_at_eviction.load(Ordering::Relaxed) {
            let info = match &mut shared {
                Shared::One(connection) => connection.req_packed_command(&info()).await,
                #[cfg(feature = "redis-cluster")]
                Shared::Cluster(connection) => connection.req_packed_command(&info()).await,
            };
            self.look_at(info)?;
        }
        Ok(shared)
    }
}
