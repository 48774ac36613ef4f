//! Hears what others change: with what they remove or replace, they notify a channel of the table and the prefix.

use std::{future::poll_fn, str, time::Duration};

use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_postgres::{AsyncMessage, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;
use xxhash_rust::xxh3::Xxh3;

use crate::backend::{Ear, Heard};

/// A connection that looks well may be dead. So often it is asked.
const PULSE: Duration = Duration::from_secs(1);
/// How long after a connection was lost the next is tried.
const PAUSE: Duration = Duration::from_millis(100);
/// What is longer can't be told: that anything may have changed is told instead.
const LONGEST: usize = 7000;

/// The channel of a table and a prefix.
pub(super) fn channel(table: &str, prefix: &str) -> String {
    let mut hash = Xxh3::new();
    for part in [table, prefix] {
        hash.update(part.as_bytes());
        hash.update(b"\0");
    }
    format!("memo_{:032x}", hash.digest128())
}

/// That all under a prefix is removed, or the entry of a key replaced.
pub(super) fn about_prefix(origin: &str, prefix: &[u8]) -> String {
    cut(format!("{origin}p{}", hex(prefix)), origin)
}

/// That all with a tag under a prefix is removed.
pub(super) fn about_tag(origin: &str, tag: &str, prefix: &[u8]) -> String {
    cut(format!("{origin}t{}:{}", hex(prefix), hex(tag.as_bytes())), origin)
}

fn cut(news: String, origin: &str) -> String {
    if news.len() > LONGEST { format!("{origin}p") } else { news }
}

/// Keys and tags are any bytes, and what is told is text.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(byte).collect())?
}

pub(super) struct Listener {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
    pub(super) channel: String,
    /// What this store tells begins with it, and is no news here.
    pub(super) origin: String,
    /// How long a connection, and an answer, are waited for.
    pub(super) patience: Duration,
    pub(super) ear: Ear,
}

impl Listener {
    /// Listens until it is dropped.
    pub(super) async fn run(self) {
        loop {
            if let Ok(Some((client, driver))) = timeout(self.patience, self.subscribe()).await {
                (self.ear)(Heard::Ready);
                self.hear(client, driver).await;
                (self.ear)(Heard::Lost);
            }
            sleep(PAUSE).await;
        }
    }

    async fn subscribe(&self) -> Option<(Client, Driver)> {
        let (client, mut connection) = self.config.connect(self.tls.clone()).await.ok()?;
        let (ear, origin) = (self.ear.clone(), self.origin.clone());
        let driver = Driver(tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(news) = message {
                    tell(&ear, &origin, news.payload());
                }
            }
        }));
        // A name without anything to quote.
        client.batch_execute(&format!("LISTEN {}", self.channel)).await.ok()?;
        Some((client, driver))
    }

    /// Returns when the connection is lost.
    async fn hear(&self, client: Client, mut driver: Driver) {
        loop {
            if timeout(PULSE, &mut driver.0).await.is_ok() {
                return;
            }
            let answer = timeout(self.patience, client.simple_query("")).await;
            if !matches!(answer, Ok(Ok(_))) {
                return;
            }
        }
    }
}

/// Who reads the socket. It is closed when this is dropped.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What nobody of ours has said is passed over.
fn tell(ear: &Ear, origin: &str, news: &str) {
    let Some((_, news)) = news.split_at_checked(origin.len()).filter(|(by, _)| *by != origin) else { return };
    match news.split_at_checked(1) {
        Some(("p", prefix)) => {
            if let Some(prefix) = unhex(prefix) {
                ear(Heard::Changed(&prefix));
            }
        }
        Some(("t", rest)) => {
            if let Some((prefix, tag)) = rest.split_once(':')
                && let (Some(prefix), Some(tag)) = (unhex(prefix), unhex(tag))
                && let Ok(tag) = str::from_utf8(&tag)
            {
                ear(Heard::Tagged(&prefix, tag));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn what_is_told_is_heard() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear: Ear = Arc::new({
            let heard = heard.clone();
            move |news: Heard<'_>| heard.lock().push(format!("{news:?}"))
        });
        let long = [b'k'; LONGEST];
        for news in [
            about_prefix("me", b"f|\xff"),
            about_prefix("him", b"f|\xff"),
            about_tag("him", "ä:", b"f|"),
            about_prefix("him", &long),
            "himp0".to_owned(),
            "himtzz:".to_owned(),
            "himx".to_owned(),
            String::new(),
        ] {
            tell(&ear, "me", news.strip_prefix('h').map_or(news.as_str(), |rest| rest));
        }
        let expected = [Heard::Changed(b"f|\xff"), Heard::Tagged(b"f|", "ä:"), Heard::Changed(b"")];
        assert_eq!(*heard.lock(), expected.map(|news| format!("{news:?}")));
    }
}
