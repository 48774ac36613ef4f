//! Hears what others change: their scripts publish it on a channel of the prefix.

use std::{future::poll_fn, pin::Pin, str, sync::Arc, time::Duration};

use futures_core::Stream as _;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::time::{sleep, timeout};

use super::target::Target;
use crate::backend::{Ear, Heard};

/// A connection that looks well may be dead. So often it is asked.
const PULSE: Duration = Duration::from_secs(1);
/// How long after a connection was lost the next is tried.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Listener {
    pub(super) target: Arc<Target>,
    pub(super) channel: String,
    /// What this store publishes begins with it, and is no news here.
    pub(super) origin: String,
    /// How long a connection, and an answer, are waited for.
    pub(super) patience: Duration,
    pub(super) ear: Ear,
}

impl Listener {
    /// Listens until it is dropped.
    pub(super) async fn run(self) {
        let mut nodes = 0;
        loop {
            if let Ok(Some((sink, stream))) = timeout(self.patience, self.subscribe(nodes)).await {
                (self.ear)(Heard::Ready);
                self.hear(sink, stream).await;
                (self.ear)(Heard::Lost);
            }
            // Of a cluster, another server.
            nodes += 1;
            sleep(PAUSE).await;
        }
    }

    async fn subscribe(&self, node: usize) -> Option<(PubSubSink, PubSubStream)> {
        let mut connection = self.target.node(node).get_async_pubsub().await.ok()?;
        connection.subscribe(&self.channel).await.ok()?;
        Some(connection.split())
    }

    /// Returns when the connection is lost.
    async fn hear(&self, mut sink: PubSubSink, mut stream: PubSubStream) {
        loop {
            let next = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx));
            match timeout(PULSE, next).await {
                Ok(Some(message)) => self.tell(message.get_payload_bytes()),
                Ok(None) => return,
                Err(_) => {
                    // What is published meanwhile waits in the stream.
                    let answer = timeout(self.patience, sink.ping::<redis::Value>()).await;
                    if !matches!(answer, Ok(Ok(_))) {
                        return;
                    }
                }
            }
        }
    }

    fn tell(&self, message: &[u8]) {
        let Some((origin, news)) = message.split_at_checked(self.origin.len()) else { return };
        if origin == self.origin.as_bytes() {
            return;
        }
        if let Some(heard) = understood(news) {
            (self.ear)(heard);
        }
    }
}

/// `pPREFIX`, or `tLENGTH:TAG` and a prefix. What nobody of ours has said is passed over.
fn understood(news: &[u8]) -> Option<Heard<'_>> {
    let (kind, rest) = news.split_first()?;
    match kind {
        b'p' => Some(Heard::Changed(rest)),
        b't' => {
            let colon = rest.iter().position(|byte| *byte == b':')?;
            let length = str::from_utf8(&rest[..colon]).ok()?.parse().ok()?;
            let (tag, prefix) = rest[colon + 1..].split_at_checked(length)?;
            Some(Heard::Tagged(prefix, str::from_utf8(tag).ok()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_understood() {
        assert_eq!(understood(b"pf|i|"), Some(Heard::Changed(b"f|i|")));
        assert_eq!(understood(b"p"), Some(Heard::Changed(b"")));
        assert_eq!(understood("t3:ä:f|".as_bytes()), Some(Heard::Tagged(b"f|", "ä:")));
        assert_eq!(understood(b"t0:"), Some(Heard::Tagged(b"", "")));
        for other in [&b""[..], b"x", b"t9:abc", b"t:abc", b"t-1:abc", b"t1:\xff"] {
            assert_eq!(understood(other), None, "{other:?}");
        }
    }
}
