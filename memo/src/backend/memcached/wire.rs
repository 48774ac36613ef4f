//! One connection, and the few words of the text protocol that are said on it.

use std::{
    io::{self, BufRead, BufReader, Write as _},
    net::{SocketAddr, TcpStream, ToSocketAddrs as _},
    time::{Duration, Instant},
};

use crate::backend::net::Server;

/// The longest line that a server has reason to write.
const LONGEST_LINE: usize = 2048;
/// The longest value that a server can be told to take.
const LARGEST_VALUE: usize = 1 << 30;
/// So many bytes of keys go into one line. Servers refuse lines that are too long, and not all at the same length.
const KEYS_PER_LINE: usize = 1800;

/// What became of a request.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The connection failed, or could not be made.
    Io(io::Error),
    /// The server said something that is no answer. What it says next may belong to something else.
    Strange(String),
    /// It does not let us in.
    Locked(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What a server holds under a key.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    /// Changes whenever what is there changes.
    pub(super) unique: u64,
}

/// Something that changes what a server holds.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) key: String,
    pub(super) verb: Verb,
}

#[derive(Clone, Debug)]
pub(super) enum Verb {
    Set(Vec<u8>, Life),
    /// If nothing is there.
    Add(Vec<u8>, Life),
    /// If it is still what had this number.
    Cas(Vec<u8>, Life, u64),
    Delete,
    Increment,
}

impl Verb {
    /// What is stored.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Set(bytes, _) | Self::Add(bytes, _) | Self::Cas(bytes, ..) => bytes,
            Self::Delete | Self::Increment => &[],
        }
    }
}

/// How long something lives, as the protocol says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life(pub(super) i32);

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    /// The number that it is now.
    Number(u64),
    /// There is something else, or something at all, or nothing.
    NotDone,
    /// There was nothing.
    NotThere,
    /// The server can't, in its words.
    Refused(String),
}

pub(super) struct Wire {
    stream: BufReader<TcpStream>,
    timeout: Duration,
    /// Until then, the next answer has to be there.
    until: Instant,
}

impl Wire {
    /// Connects, and says who we are if the URL does.
    pub(super) fn connect(host: (&str, u16), server: &Server) -> Result<Self, Trouble> {
        let stream = dial(host, server.connect_timeout)?;
        stream.set_nodelay(true)?;
        let stream = BufReader::new(stream);
        let mut wire = Self { stream, timeout: server.timeout, until: Instant::now() };
        if server.user.is_some() || server.password.is_some() {
            let [user, password] = [&server.user, &server.password].map(|word| word.as_deref().unwrap_or_default());
            let login = format!("{user} {password}");
            wire.send(format!("set login 0 0 {}\r\n{login}\r\n", login.len()).as_bytes())?;
            match wire.line()?.as_str() {
                "STORED" => {}
                other => return Err(Trouble::Locked(other.to_owned())),
            }
        }
        Ok(wire)
    }

    /// Is it open, and did nobody say anything that was not asked for?
    pub(super) fn is_quiet(&self) -> bool {
        let stream = self.stream.get_ref();
        let is_quiet = || {
            stream.set_nonblocking(true)?;
            let peeked = stream.peek(&mut [0]);
            stream.set_nonblocking(false)?;
            Ok::<_, io::Error>(matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock))
        };
        self.stream.buffer().is_empty() && is_quiet().unwrap_or(false)
    }

    /// What is held under keys, in their order, each with its place among them.
    pub(super) fn get(&mut self, keys: &[&str]) -> Result<Vec<(usize, Held)>, Trouble> {
        let lines = in_lines(keys);
        let asked: Vec<String> = lines.iter().map(|keys| format!("gets {}\r\n", keys.join(" "))).collect();
        self.send(asked.concat().as_bytes())?;
        let (mut found, mut before) = (Vec::new(), 0);
        for line in lines {
            while let Some((key, held)) = self.value()? {
                let place = line.iter().position(|asked| *asked == key);
                let place = place.ok_or_else(|| Trouble::Strange(format!("VALUE {key}")))?;
                found.push((before + place, held));
            }
            before += line.len();
        }
        Ok(found)
    }

    /// Does all of this, in this order. It is all sent before an answer is read, so there should not be thousands.
    pub(super) fn write(&mut self, commands: &[&Command]) -> Result<Vec<Answer>, Trouble> {
        for Command { key, verb } in commands {
            match verb {
                Verb::Set(bytes, life) => self.store("set", key, bytes, *life, "")?,
                Verb::Add(bytes, life) => self.store("add", key, bytes, *life, "")?,
                Verb::Cas(bytes, life, unique) => self.store("cas", key, bytes, *life, &format!(" {unique}"))?,
                Verb::Delete => self.send(format!("delete {key}\r\n").as_bytes())?,
                Verb::Increment => self.send(format!("incr {key} 1\r\n").as_bytes())?,
            }
        }
        commands.iter().map(|command| self.answer(&command.verb)).collect()
    }

    /// The largest value that the server takes, if it says that.
    pub(super) fn largest_value(&mut self) -> Result<Option<u64>, Trouble> {
        self.send(b"stats settings\r\n")?;
        let mut largest = None;
        loop {
            let line = self.line()?;
            match line.strip_prefix("STAT ") {
                Some(stat) => {
                    largest = stat.strip_prefix("item_size_max ").and_then(|size| size.parse().ok()).or(largest);
                }
                None if line == "END" => return Ok(largest),
                None => return Err(Trouble::Strange(line)),
            }
        }
    }

    fn store(&mut self, word: &str, key: &str, bytes: &[u8], Life(life): Life, rest: &str) -> Result<(), Trouble> {
        let head = format!("{word} {key} 0 {life} {}{rest}\r\n", bytes.len());
        // Small ones in one piece, so that they go in one packet.
        if bytes.len() < 1400 {
            return self.send(&[head.as_bytes(), bytes, b"\r\n"].concat());
        }
        self.send(head.as_bytes())?;
        self.send(bytes)?;
        self.send(b"\r\n")
    }

    fn answer(&mut self, verb: &Verb) -> Result<Answer, Trouble> {
        let line = self.line()?;
        let is_number = matches!(verb, Verb::Increment);
        Ok(match line.as_str() {
            "STORED" | "DELETED" => Answer::Done,
            "NOT_STORED" | "EXISTS" => Answer::NotDone,
            "NOT_FOUND" => Answer::NotThere,
            // Nothing follows a number that can't be raised; what follows other words may be taken for a command.
            said if said.starts_with("SERVER_ERROR") || is_number && said.starts_with("CLIENT_ERROR") => {
                Answer::Refused(line)
            }
            number => match number.parse() {
                Ok(number) if is_number => Answer::Number(number),
                _ => return Err(strange(line)),
            },
        })
    }

    /// The next value of a line of keys, `None` behind the last.
    fn value(&mut self) -> Result<Option<(String, Held)>, Trouble> {
        let line = self.line()?;
        if line == "END" {
            return Ok(None);
        }
        let Some((key, length, unique)) = head(&line) else { return Err(strange(line)) };
        let key = key.to_owned();
        let bytes = self.block(length)?;
        Ok(Some((key, Held { bytes, unique })))
    }

    fn line(&mut self) -> Result<String, Trouble> {
        self.until = Instant::now() + self.timeout;
        let mut line = Vec::new();
        loop {
            let some = self.some()?;
            let end = some.iter().position(|byte| *byte == b'\n');
            let length = end.unwrap_or(some.len());
            line.extend_from_slice(&some[..length]);
            self.stream.consume(length + usize::from(end.is_some()));
            if end.is_some() || line.len() > LONGEST_LINE {
                let text = String::from_utf8_lossy(&line);
                return match text.strip_suffix('\r') {
                    Some(text) if end.is_some() => Ok(text.to_owned()),
                    _ => Err(Trouble::Strange(text.into_owned())),
                };
            }
        }
    }

    fn block(&mut self, length: usize) -> Result<Vec<u8>, Trouble> {
        self.until = Instant::now() + self.timeout;
        // What is only claimed takes no memory.
        let mut bytes = Vec::with_capacity(length.min(1 << 20) + 2);
        while bytes.len() < length + 2 {
            let missing = length + 2 - bytes.len();
            let some = self.some()?;
            let some = &some[..some.len().min(missing)];
            bytes.extend_from_slice(some);
            let taken = some.len();
            self.stream.consume(taken);
        }
        if !bytes.ends_with(b"\r\n") {
            return Err(Trouble::Strange("a value that does not end".to_owned()));
        }
        bytes.truncate(length);
        Ok(bytes)
    }

    /// What has come, at least one byte.
    fn some(&mut self) -> Result<&[u8], Trouble> {
        while self.stream.buffer().is_empty() {
            self.stream.get_ref().set_read_timeout(Some(left(self.until)?))?;
            match self.stream.fill_buf() {
                Ok([]) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
        }
        Ok(self.stream.buffer())
    }

    fn send(&mut self, mut bytes: &[u8]) -> Result<(), Trouble> {
        let until = Instant::now() + self.timeout;
        let stream = self.stream.get_mut();
        while !bytes.is_empty() {
            stream.set_write_timeout(Some(left(until)?))?;
            match stream.write(bytes) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Connects to the first address that answers.
fn dial((host, port): (&str, u16), timeout: Duration) -> Result<TcpStream, Trouble> {
    let until = Instant::now() + timeout;
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    for address in addresses {
        match TcpStream::connect_timeout(&address, left(until)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed.into())
}

fn left(until: Instant) -> Result<Duration, Trouble> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::Error::from(io::ErrorKind::TimedOut).into()) } else { Ok(left) }
}

/// Key, length and number of `VALUE key flags length number`.
fn head(line: &str) -> Option<(&str, usize, u64)> {
    let mut words = line.strip_prefix("VALUE ")?.split(' ');
    let (key, _flags) = (words.next()?, words.next()?);
    let length = words.next()?.parse().ok().filter(|length| *length <= LARGEST_VALUE)?;
    let unique = words.next()?.parse().ok()?;
    words.next().is_none().then_some((key, length, unique))
}

fn strange(line: String) -> Trouble {
    if line.contains("authenticat") { Trouble::Locked(line) } else { Trouble::Strange(line) }
}

/// Keys, cut into lines.
fn in_lines<'a, 'k>(keys: &'a [&'k str]) -> Vec<&'a [&'k str]> {
    let (mut lines, mut rest) = (Vec::new(), keys);
    while !rest.is_empty() {
        let mut length = 0;
        let fits = rest.iter().take_while(|key| {
            length += key.len() + 1;
            length <= KEYS_PER_LINE
        });
        let (line, others) = rest.split_at(fits.count().max(1));
        lines.push(line);
        rest = others;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_that_were_asked_for_are_read() {
        assert_eq!(head("VALUE k 0 5 77"), Some(("k", 5, 77)));
        for line in ["VALUE k 0 5", "VALUE k 0 5 77 1", "VALUE k 0 -5 77", "VALUE k 0 9999999999 1", "value k 0 5 77"] {
            assert_eq!(head(line), None, "{line}");
        }
    }

    #[test]
    fn no_line_is_too_long_and_no_key_is_left_out() {
        let (long, short) = ("k".repeat(250), "s".to_owned());
        let keys: Vec<&str> = (0..100).map(|n| if n % 3 == 0 { &*short } else { &*long }).collect();
        let lines = in_lines(&keys);
        assert_eq!(lines.concat(), keys);
        assert!(lines.iter().all(|line| line.iter().map(|key| key.len() + 1).sum::<usize>() <= KEYS_PER_LINE));
        assert!(in_lines(&[]).is_empty());
    }
}
