//! Which server a URL means, to the client.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisResult,
};

use super::connections::{Own, Shared};
use crate::{
    backend::{
        Url,
        net::{Host, Server},
    },
    error::Error,
};

const PORT: u16 = 6379;

pub(super) enum Target {
    One(Box<Client>),
    /// And its nodes, each by itself.
    #[cfg(feature = "redis-cluster")]
    Cluster(Box<redis::cluster::ClusterClient>, Vec<Client>),
}

/// The server, or the cluster, of a URL.
pub(super) fn of(url: &Url, server: &Server) -> Result<Target, Error> {
    if url.scheme() == "redis-cluster" {
        return cluster(url, server);
    }
    let addr = address(url, server)?;
    let info = connection(addr, login(server).set_db(database(url, server)?), url)?;
    client(info, url).map(|client| Target::One(Box::new(client)))
}

impl Target {
    /// A connection for one thread at a time.
    pub(super) fn own(&self, connect_timeout: Duration, timeout: Duration) -> RedisResult<Own> {
        match self {
            Self::One(client) => {
                let connection = client.get_connection_with_timeout(connect_timeout)?;
                connection.set_read_timeout(Some(timeout))?;
                connection.set_write_timeout(Some(timeout))?;
                Ok(Own::One(connection))
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(client, _) => {
                let config = redis::cluster::ClusterConfig::new()
                    .set_connection_timeout(connect_timeout)
                    .set_response_timeout(timeout);
                client.get_connection_with_config(config).map(|connection| Own::Cluster(Box::new(connection)))
            }
        }
    }

    /// The number of the database.
    pub(super) fn database(&self) -> i64 {
        self.node(0).get_connection_info().redis_settings().db()
    }

    /// One of the servers.
    pub(super) fn node(&self, number: usize) -> &Client {
        match self {
            Self::One(client) => {
                let _ = number;
                client
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(_, nodes) => &nodes[number % nodes.len()],
        }
    }

    /// A connection for all tasks. Who asks through it looks at the time himself.
    pub(super) async fn shared(&self) -> RedisResult<Shared> {
        match self {
            Self::One(client) => {
                let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
                client.get_multiplexed_async_connection_with_config(&config).await.map(Shared::One)
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(client, _) => client.get_async_connection().await.map(Shared::Cluster),
        }
    }
}

fn login(server: &Server) -> RedisConnectionInfo {
    let login = RedisConnectionInfo::default();
    let login = server.user.iter().fold(login, RedisConnectionInfo::set_username);
    server.password.iter().fold(login, RedisConnectionInfo::set_password)
}

/// The one host of a URL.
fn host(url: &Url, server: &Server) -> Result<(String, u16), Error> {
    match server.hosts.as_slice() {
        [Host { name, port }] if !name.is_empty() => Ok((name.clone(), port.unwrap_or(PORT))),
        [_] => Err(Error::config(format!("`{url}` names no host"))),
        _ => Err(Error::config(format!(
            "`{url}` names several hosts: those of a cluster are said with `redis-cluster://`"
        ))),
    }
}

fn address(url: &Url, server: &Server) -> Result<ConnectionAddr, Error> {
    match url.scheme() {
        "redis+unix" => match &server.path {
            Some(path) if server.hosts.iter().all(|host| host.name.is_empty()) => {
                Ok(ConnectionAddr::Unix(format!("/{path}").into()))
            }
            _ => Err(Error::config(format!("`{url}` names no socket: expected `redis+unix:///path/to/socket`"))),
        },
        "rediss" => {
            let (host, port) = host(url, server)?;
            Ok(ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None })
        }
        _ => host(url, server).map(|(host, port)| ConnectionAddr::Tcp(host, port)),
    }
}

/// The number of the database.
fn database(url: &Url, server: &Server) -> Result<i64, Error> {
    if url.scheme() == "redis+unix" {
        return Ok(url.integer("db")?.unwrap_or(0));
    }
    let Some(path) = &server.path else { return Ok(0) };
    let number = path.parse().ok().filter(|number| (0..=65_535).contains(number));
    number.ok_or_else(|| Error::config(format!("`{path}` in `{url}` is no database: a number from 0 on")))
}

fn connection(addr: ConnectionAddr, login: RedisConnectionInfo, url: &Url) -> Result<ConnectionInfo, Error> {
    let info = addr.into_connection_info().map_err(|error| unusable(url, &error))?;
    Ok(info.set_redis_settings(login))
}

#[cfg(feature = "redis-tls")]
fn client(info: ConnectionInfo, url: &Url) -> Result<Client, Error> {
    if url.scheme() != "rediss" {
        return Client::open(info).map_err(|error| unusable(url, &error));
    }
    // Both providers may be in a program; the client takes the one of the process. Another's choice is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let root_cert = match url.param("ca") {
        Some(file) => Some(std::fs::read(file).map_err(|error| {
            Error::config(format!("the certificates `ca={file}` in `{url}` can't be read: {error}")).with_source(error)
        })?),
        None => None,
    };
    let certificates = redis::TlsCertificates { client_tls: None, root_cert };
    Client::build_with_tls(info, certificates).map_err(|error| unusable(url, &error))
}

#[cfg(not(feature = "redis-tls"))]
fn client(info: ConnectionInfo, url: &Url) -> Result<Client, Error> {
    Client::open(info).map_err(|error| unusable(url, &error))
}

#[cfg(feature = "redis-cluster")]
fn cluster(url: &Url, server: &Server) -> Result<Target, Error> {
    if server.path.is_some() {
        return Err(Error::config(format!("`{url}`: a cluster has one database, it can't be said which")));
    }
    let node = |host: &Host| {
        if host.name.is_empty() {
            return Err(Error::config(format!("`{url}` names no host")));
        }
        connection(ConnectionAddr::Tcp(host.name.clone(), host.port.unwrap_or(PORT)), login(server), url)
    };
    let nodes: Vec<ConnectionInfo> = server.hosts.iter().map(node).collect::<Result<_, _>>()?;
    let clients = nodes.iter().cloned().map(|node| client(node, url)).collect::<Result<_, _>>()?;
    let builder = redis::cluster::ClusterClient::builder(nodes)
        // Enough for a key that has moved; what else fails is decided on here.
        .retries(3)
        // Who asks looks at the time; and may have no runtime that could.
        .overall_response_timeout(None)
        .connection_timeout(server.connect_timeout)
        .response_timeout(server.timeout);
    let builder = server.user.iter().fold(builder, redis::cluster::ClusterClientBuilder::username);
    let builder = server.password.iter().fold(builder, redis::cluster::ClusterClientBuilder::password);
    let cluster = builder.build().map_err(|error| unusable(url, &error))?;
    Ok(Target::Cluster(Box::new(cluster), clients))
}

#[cfg(not(feature = "redis-cluster"))]
fn cluster(url: &Url, _: &Server) -> Result<Target, Error> {
    Err(Error::config(format!("`{url}` needs the cargo feature `redis-cluster` of `memo`")))
}

fn unusable(url: &Url, error: &redis::RedisError) -> Error {
    Error::config(format!("`{url}` can't be used: {error}"))
}
