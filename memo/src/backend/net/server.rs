//! What the URL of a server says, beside what only its own kind knows.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::Breaker;
use crate::{backend::Url, error::Error};

/// A server, or several that are one store.
pub(in crate::backend) struct Server {
    pub(in crate::backend) user: Option<String>,
    pub(in crate::backend) password: Option<String>,
    /// Not empty; one with an empty name if the URL has none.
    pub(in crate::backend) hosts: Vec<Host>,
    /// What stands behind the first `/`.
    pub(in crate::backend) path: Option<String>,
    /// What all keys begin with.
    pub(in crate::backend) prefix: String,
    /// How long an answer is waited for.
    pub(in crate::backend) timeout: Duration,
    pub(in crate::backend) connect_timeout: Duration,
    /// The most connections for threads.
    pub(in crate::backend) pool: usize,
    /// The URL, without its password.
    pub(in crate::backend) shown: String,
    url: Url,
}

/// A name or an address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::backend) struct Host {
    pub(in crate::backend) name: String,
    pub(in crate::backend) port: Option<u16>,
}

impl Server {
    /// Takes apart `user:password@host:port,host:port/path`. A user, a password, and all behind the hosts may be missing.
    ///
    /// # Errors
    ///
    /// If a port is none, or a time is zero.
    pub(in crate::backend) fn of(url: &Url) -> Result<Self, Error> {
        // Taken apart first: what is escaped separates nothing.
        let location = url.raw_location();
        // A password may contain anything, also what it should have been escaped for; so may the path of a socket.
        let parts = if url.scheme().ends_with("+unix") { socket(location) } else { location.rsplit_once('@') };
        let (login, place) = parts.map_or((None, location), |(login, place)| (Some(login), place));
        let (user, password) = login.map_or((None, None), |login| match login.split_once(':') {
            Some((user, password)) => (Some(user), Some(password)),
            None => (Some(login), None),
        });
        let (hosts, path) = place.split_once('/').map_or((place, None), |(hosts, path)| (hosts, Some(path)));
        let hosts = hosts.split(',').map(|host| Host::of(host, url)).collect::<Result<_, _>>()?;
        let time = |name: &str, default| match url.duration(name)? {
            Some(0) => Err(Error::config(format!("`{name}=0` in `{url}`: nothing can be done in no time"))),
            millis => Ok(millis.map_or(default, Duration::from_millis)),
        };
        let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(decoded);
        Ok(Self {
            user: given(user),
            password: given(password),
            hosts,
            path: given(path),
            prefix: url.param("prefix").unwrap_or("memo").to_owned(),
            timeout: time("timeout", Duration::from_secs(1))?,
            connect_timeout: time("connect_timeout", Duration::from_secs(1))?,
            pool: url.integer("pool")?.and_then(|pool| usize::try_from(pool).ok()).unwrap_or(16),
            shown: url.shown(),
            url: url.clone(),
        })
    }

    /// The circuit breaker that the URL asks for.
    pub(in crate::backend) fn breaker(&self) -> Result<Breaker, Error> {
        let trip_after = self.url.integer("trip_after")?.and_then(|failures| u32::try_from(failures).ok());
        Ok(Breaker::new(trip_after.unwrap_or(5), self.url.duration("pause")?.unwrap_or(1000)))
    }
}

/// The login in front of the path of a socket, and that.
fn socket(location: &str) -> Option<(&str, &str)> {
    if location.starts_with('/') {
        return None;
    }
    location.find("@/").map(|at| (&location[..at], &location[at + 1..]))
}

/// A part of a URL that is UTF-8 as a whole.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

impl Host {
    fn of(text: &str, url: &Url) -> Result<Self, Error> {
        // `[::1]:6379`: only what stands behind the bracket is a port.
        let (name, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
            Some((name, "")) => (decoded(name), None),
            Some((name, rest)) => {
                let wrong = || Error::config(format!("`{rest}` in `{url}`: expected `:port` behind `]`"));
                (decoded(name), Some(rest.strip_prefix(':').ok_or_else(wrong)?))
            }
            None => {
                let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
                let name = decoded(name);
                if name.contains([':', '/', '@', '[', ']', ',']) || name.contains(char::is_whitespace) {
                    return Err(Error::config(format!(
                        "`{name}` in `{url}` is no host: expected a name, an IPv4 address, or an IPv6 address as `[::1]`"
                    )));
                }
                (name, port)
            }
        };
        let number = |port: &str| {
            let number = port.parse().ok().filter(|port| *port != 0);
            number.ok_or_else(|| Error::config(format!("`{port}` in `{url}` is no port: a number from 1 to 65535")))
        };
        Ok(Self { name, port: port.map(number).transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        Server::of(&Url::parse(url).expect(url)).expect(url)
    }

    #[test]
    fn locations_are_taken_apart() {
        let server = server("srv://me:p%40s%3As@one,two:7000,[::1]:7001/3?timeout=250ms&prefix=a*");
        assert_eq!((server.user.as_deref(), server.password.as_deref()), (Some("me"), Some("p@s:s")));
        let hosts = [("one", None), ("two", Some(7000)), ("::1", Some(7001))];
        assert!(server.hosts.iter().map(|host| (&*host.name, host.port)).eq(hosts));
        assert_eq!((server.path.as_deref(), &*server.prefix), (Some("3"), "a*"));
        assert_eq!(server.timeout, Duration::from_millis(250));
        assert!(!server.shown.contains("p%40s"), "{}", server.shown);
    }

    #[test]
    fn what_is_escaped_separates_nothing() {
        let server = server("srv://m%3Ae:p%2Fw@h/a%40b");
        assert_eq!((server.user.as_deref(), server.password.as_deref()), (Some("m:e"), Some("p/w")));
        assert_eq!((&*server.hosts[0].name, server.path.as_deref()), ("h", Some("a@b")));
    }

    #[test]
    fn the_path_of_a_socket_may_contain_anything() {
        for (url, login, path) in [
            ("srv+unix:///run/a@b.sock", None, "run/a@b.sock"),
            ("srv+unix://me:p@ss@/run/a@/b", Some(("me", "p@ss")), "run/a@/b"),
            ("srv+unix://me:pw@/run/%40", Some(("me", "pw")), "run/@"),
        ] {
            let server = server(url);
            assert_eq!(server.user.as_deref().zip(server.password.as_deref()), login, "{url}");
            assert!(server.path.as_deref() == Some(path) && server.hosts[0].name.is_empty(), "{url}");
        }
    }

    #[test]
    fn what_is_missing_has_a_default() {
        let server = server("srv://:secret@host/");
        assert_eq!((server.user, server.password.as_deref(), server.path), (None, Some("secret"), None));
        assert_eq!(
            (server.timeout, server.connect_timeout, server.pool),
            (Duration::from_secs(1), Duration::from_secs(1), 16)
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (url, said) in [
            ("srv://me:secret@h:x", "`x` in"),
            ("srv://h:0", "from 1 to 65535"),
            ("srv://h?timeout=0", "no time"),
            ("srv://[::1]6379", "`6379` in"),
            ("srv://me:secret@[::1", "is no host"),
            ("srv://a%3A1", "`a:1` in"),
            ("srv://%3A%3A1", "as `[::1]`"),
            ("srv://a%2Fb", "is no host"),
        ] {
            let error = Server::of(&Url::parse(url).expect(url)).err().expect(url).to_string();
            assert!(error.contains(said) && !error.contains("secret"), "{error}");
        }
    }
}
