//! Which server a URL means, to the client.

use tokio_postgres::{Config, config::SslMode};

use crate::{
    backend::{
        Url,
        net::{Host, Server},
    },
    error::Error,
};

const PORT: u16 = 5432;

/// The server of a URL.
pub(super) fn of(url: &Url, server: &Server) -> Result<Config, Error> {
    let mut config = Config::new();
    match (url.param("socket"), server.hosts.as_slice()) {
        (None, hosts) => {
            for Host { name, port } in hosts {
                if name.is_empty() {
                    return Err(Error::config(format!("`{url}` names no host, and no `socket=/a/folder`")));
                }
                config.host(name).port(port.unwrap_or(PORT));
            }
            config.ssl_mode(match url.param("sslmode") {
                Some("disable") => SslMode::Disable,
                None | Some("prefer") => SslMode::Prefer,
                Some(_) => SslMode::Require,
            });
        }
        #[cfg(unix)]
        (Some(folder), [host]) if host.name.is_empty() => {
            // Nobody listens on a socket.
            config.host_path(folder).port(host.port.unwrap_or(PORT)).ssl_mode(SslMode::Disable);
        }
        (Some(_), _) => return Err(Error::config(format!("`{url}` names hosts and a `socket`"))),
    }
    if let Some(user) = &server.user {
        config.user(user);
    }
    if let Some(password) = &server.password {
        config.password(password);
    }
    if let Some(database) = &server.path {
        config.dbname(database);
    }
    config.application_name(url.param("application_name").unwrap_or("memo")).connect_timeout(server.connect_timeout);
    Ok(config)
}
