//! Several connections, which all share: a request takes the one with the least to do, and goes behind what others ask there.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio_postgres::{Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{failure, schema::Tables, session::Session, statements::Request};
use crate::{
    backend::{
        Face,
        net::{Connect, Failure, Link, Links, Server, within},
    },
    error::Error,
};

/// How connections are made.
pub(super) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    tables: Tables,
    shown: String,
    timeout: Duration,
    connect_timeout: Duration,
}

pub(super) struct Connections {
    connector: Arc<Connector>,
    lanes: Vec<Lane>,
    is_opening: AtomicBool,
}

/// Where a connection is, one for each runtime.
struct Lane {
    links: Links<Connector>,
    /// So many requests are on their way there.
    busy: AtomicUsize,
}

/// Somebody's place in a lane.
struct Inside<'a>(&'a Lane);

impl<'a> Inside<'a> {
    fn new(lane: &'a Lane) -> Self {
        lane.busy.fetch_add(1, Ordering::Relaxed);
        Self(lane)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Somebody opens a connection.
struct Opening<'a>(&'a AtomicBool);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Connections {
    pub(super) fn new(config: Config, tls: MakeRustlsConnect, tables: Tables, server: &Server) -> Self {
        let connector = Arc::new(Connector {
            config,
            tls,
            tables,
            shown: server.shown.clone(),
            timeout: server.timeout,
            connect_timeout: server.connect_timeout,
        });
        let lane = || Lane { links: Links::new(connector.clone()), busy: AtomicUsize::new(0) };
        let lanes = (0..server.pool.max(1)).map(|_| lane()).collect();
        Self { connector, lanes, is_opening: AtomicBool::new(false) }
    }

    /// Where one more request goes. One at a time waits for another connection, the others share those that are there, so that
    /// many who come at once don't wait for as many connections.
    fn lane(&self, face: Face) -> (&Lane, Option<Opening<'_>>) {
        let quietest = self.lanes.iter().min_by_key(|lane| lane.load()).unwrap_or(&self.lanes[0]);
        if quietest.is_open(face) {
            return (quietest, None);
        }
        if !self.is_opening.swap(true, Ordering::Relaxed) {
            return (quietest, Some(Opening(&self.is_opening)));
        }
        (self.open(face).unwrap_or(&self.lanes[0]), None)
    }

    /// The quietest of the lanes that have a connection.
    fn open(&self, face: Face) -> Option<&Lane> {
        self.lanes.iter().filter(|lane| lane.is_open(face)).min_by_key(|lane| lane.load())
    }

    /// Asks the server once.
    pub(super) async fn send(&self, face: Face, request: &Request<'_>) -> Result<Vec<Vec<Row>>, Failure> {
        let Connector { timeout, connect_timeout, shown, .. } = &*self.connector;
        let link = async |lane: &Lane| {
            let link = within(*connect_timeout, pin!(lane.link(face))).await;
            link.unwrap_or_else(|| Err(failure::timeout(shown)))
        };
        let (lane, opening) = self.lane(face);
        let (mut inside, mut linked) = (Inside::new(lane), link(lane).await);
        // There may be no more connections to be had than those that are there.
        if linked.is_err()
            && opening.is_some()
            && let Some(open) = self.open(face)
        {
            (inside, linked) = (Inside::new(open), link(open).await);
        }
        drop(opening);
        let link = linked?;
        let answer = match within(*timeout, pin!(link.client.run(request))).await {
            Some(answer) => answer.map_err(|error| failure::of(&error, shown)),
            None => Err(failure::timeout(shown)),
        };
        if matches!(&answer, Err(failure) if failure.is_lost) {
            link.client.give_up();
            inside.0.links.give_up(link.number);
        }
        answer
    }
}

impl Lane {
    fn load(&self) -> usize {
        self.busy.load(Ordering::Relaxed)
    }

    fn is_open(&self, face: Face) -> bool {
        self.links.there(face).is_some_and(|link| !link.client.is_closed())
    }

    /// A connection that was there a moment ago.
    async fn link(&self, face: Face) -> Result<Link<Arc<Session>>, Failure> {
        loop {
            let link = self.links.get(face).await?;
            if !link.client.is_closed() {
                return Ok(link);
            }
            self.links.give_up(link.number);
        }
    }
}

impl Connect for Connector {
    type Client = Arc<Session>;

    async fn connect(&self) -> Result<Arc<Session>, Error> {
        let open = Session::open(&self.config, self.tls.clone(), &self.tables, self.timeout, &self.shown);
        // Also if nobody waits any more: a server that accepts and says nothing must not be kept on the line.
        let open = within(self.connect_timeout, pin!(open)).await;
        open.unwrap_or_else(|| Err(failure::timeout(&self.shown).error)).map(Arc::new)
    }
}
