//! The servers of a store: which of them has a key, and how each is asked.

use std::{future::ready, io};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::wire::{Answer, Command, Held, Trouble, Wire};
use crate::{
    backend::{
        Url,
        net::{Breaker, Failure, Host, Place, Pool, Server},
    },
    error::Error,
    flight::wait::block_on,
};

const PORT: u16 = 11211;
/// So many keys or commands go to a server before its answers are read: more could fill both directions of a connection, and
/// each side would wait for the other to read.
const AT_ONCE: usize = 64;

pub(super) struct Nodes {
    nodes: Vec<Node>,
    server: Server,
}

/// One server.
struct Node {
    host: String,
    port: u16,
    seed: u64,
    pool: Pool<Wire>,
    breaker: Breaker,
    /// How errors call it.
    shown: String,
}

impl Nodes {
    /// Those of a URL. Connects when they are first asked.
    pub(super) fn of(url: &Url) -> Result<Self, Error> {
        let server = Server::of(url)?;
        if server.path.is_some() {
            return Err(Error::config(format!(
                "`{url}`: memcached has no databases, so nothing can stand behind `/`; `prefix` keeps stores apart"
            )));
        }
        let node = |Host { name, port }: &Host| {
            if name.is_empty() {
                return Err(Error::config(format!("`{url}` names no host")));
            }
            let port = port.unwrap_or(PORT);
            let place = format!("{name}:{port}");
            let shown = match server.hosts.as_slice() {
                [_] => server.shown.clone(),
                _ => format!("{place} of {}", server.shown),
            };
            let seed = xxh3_64(place.as_bytes());
            let pool = Pool::new(server.pool);
            Ok(Node { host: name.clone(), port, seed, pool, breaker: server.breaker()?, shown })
        };
        let nodes = server.hosts.iter().map(node).collect::<Result<_, _>>()?;
        Ok(Self { nodes, server })
    }

    /// What all keys begin with, as the URL says it.
    pub(super) fn prefix(&self) -> &str {
        &self.server.prefix
    }

    /// The URL, without its password.
    pub(super) fn shown(&self) -> &str {
        &self.server.shown
    }

    /// The server that has a key: for each key they stand in an order of their own, so that one more takes its share from all, and
    /// nothing else moves. (Thaler and Ravishankar, "A name-based mapping scheme for rendezvous", 1996.)
    fn of_key(&self, key: &str) -> usize {
        let weight = |node: &usize| xxh3_64_with_seed(key.as_bytes(), self.nodes[*node].seed);
        (0..self.nodes.len()).max_by_key(weight).unwrap_or(0)
    }

    /// What is held under each of several keys. What stands last is read last. What fails because the connection was lost is
    /// asked once more.
    pub(super) fn get(&self, keys: &[String]) -> Result<Vec<Option<Held>>, Error> {
        let mut found: Vec<Option<Held>> = keys.iter().map(|_| None).collect();
        let nodes: Vec<usize> = keys.iter().map(|key| self.of_key(key)).collect();
        for node in each_once(nodes.iter().rev().copied()).into_iter().rev() {
            let places: Vec<usize> = (0..keys.len()).filter(|place| nodes[*place] == node).collect();
            for places in places.chunks(AT_ONCE) {
                let asked: Vec<&str> = places.iter().map(|place| &*keys[*place]).collect();
                for (number, held) in self.ask(node, true, |wire| wire.get(&asked))? {
                    found[places[number]] = Some(held);
                }
            }
        }
        Ok(found)
    }

    /// Does all of this. What stands first is done before all else, and what is done on one server is done in order.
    pub(super) fn write(&self, commands: &[Command]) -> Result<Vec<Answer>, Error> {
        let mut answers: Vec<Answer> = commands.iter().map(|_| Answer::NotThere).collect();
        let nodes: Vec<usize> = commands.iter().map(|command| self.of_key(&command.key)).collect();
        for node in each_once(nodes.iter().copied()) {
            let places: Vec<usize> = (0..commands.len()).filter(|place| nodes[*place] == node).collect();
            for places in places.chunks(AT_ONCE) {
                let asked: Vec<&Command> = places.iter().map(|place| &commands[*place]).collect();
                let answered = self.ask(node, false, |wire| wire.write(&asked))?;
                for (place, answer) in places.iter().zip(answered) {
                    answers[*place] = answer;
                }
            }
        }
        Ok(answers)
    }

    /// The largest value that the server of a key takes, if it says that.
    pub(super) fn largest_value(&self, key: &str) -> Option<u64> {
        self.ask(self.of_key(key), true, Wire::largest_value).ok().flatten()
    }

    /// The server of a key refused something, in its words.
    pub(super) fn refused(&self, key: &str, words: &str) -> Error {
        Error::unavailable(format!("`{}` refuses: {}", self.nodes[self.of_key(key)].shown, cut(words)))
    }

    fn ask<T>(
        &self,
        node: usize,
        is_read: bool,
        request: impl Fn(&mut Wire) -> Result<T, Trouble>,
    ) -> Result<T, Error> {
        let node = &self.nodes[node];
        // Always ready: it blocks.
        block_on(node.breaker.ask(&node.shown, is_read, || ready(node.ask(&self.server, &request))))
    }
}

impl Node {
    fn ask<T>(&self, server: &Server, request: impl Fn(&mut Wire) -> Result<T, Trouble>) -> Result<T, Failure> {
        let mut wire = loop {
            match self.pool.take(server.timeout) {
                Some(Place::Connected(wire)) if wire.is_quiet() => break wire,
                // The server has gone since, and perhaps come back.
                Some(Place::Connected(_)) => self.pool.lose(),
                Some(Place::Free) => {
                    let connected = Wire::connect((&self.host, self.port), server);
                    break connected.map_err(|trouble| self.failure(trouble)).inspect_err(|_| self.pool.lose())?;
                }
                None => {
                    let busy = format!("all connections to `{}` were in use for {:?}", self.shown, server.timeout);
                    return Err(Failure::busy(Error::unavailable(busy)));
                }
            }
        };
        let answer = request(&mut wire);
        match &answer {
            Ok(_) => self.pool.put(wire),
            Err(_) => self.pool.lose(),
        }
        answer.map_err(|trouble| self.failure(trouble))
    }

    fn failure(&self, trouble: Trouble) -> Failure {
        Failure::lost(match trouble {
            // A socket says it in two ways.
            Trouble::Io(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                Error::unavailable(format!("`{}` did not answer in time", self.shown))
            }
            Trouble::Io(error) => Error::unavailable(format!("`{}` failed: {error}", self.shown)).with_source(error),
            Trouble::Strange(line) => {
                Error::unavailable(format!("`{}` says what a memcached does not: {}", self.shown, cut(&line)))
            }
            Trouble::Locked(line) => Error::config(format!("`{}` does not let us in: {}", self.shown, cut(&line))),
        })
    }
}

/// The beginning of what a server said, on one line.
fn cut(line: &str) -> String {
    let beginning: String = line.chars().take(60).collect();
    format!("`{}`", beginning.escape_debug())
}

/// Each number where it comes first.
fn each_once(numbers: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut once = Vec::new();
    for number in numbers {
        if !once.contains(&number) {
            once.push(number);
        }
    }
    once
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(url: &str) -> Nodes {
        Nodes::of(&Url::parse(url).expect(url)).expect(url)
    }

    #[test]
    fn a_key_moves_only_to_the_server_that_was_added() {
        let (two, three) = (nodes("memcached://a,b"), nodes("memcached://c,b,a:11211"));
        let mut moved = 0;
        for key in (0..300).map(|n| format!("memo:e:f|i|{n}|v")) {
            let (before, after) = (&two.nodes[two.of_key(&key)], &three.nodes[three.of_key(&key)]);
            assert!(before.host == after.host || after.host == "c");
            moved += u32::from(after.host == "c");
        }
        assert!((50..150).contains(&moved), "a third of all: {moved}");
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said() {
        for (url, said) in [("memcached://h/3", "no databases"), ("memcached://a,,b", "no host")] {
            let error = Nodes::of(&Url::parse(url).expect(url)).err().expect(url);
            assert!(error.is_config() && error.to_string().contains(said), "{error}");
        }
    }
}
