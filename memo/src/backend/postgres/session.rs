//! One connection: its settings, its prepared statements, and requests that share it without mixing.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio_postgres::{Client, Config, Error as Refusal, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    failure,
    schema::Tables,
    statements::{self, Request, Step},
};
use crate::error::Error;

pub(super) struct Session {
    client: Client,
    statements: Vec<Statement>,
    /// Held while requests are handed over to the client, so that nobody's come between those of a transaction.
    sending: Mutex<()>,
    /// Who reads and writes the socket.
    driver: AbortHandle,
    is_given_up: AtomicBool,
}

type Answered<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, Refusal>> + Send + 'a>>;

impl Session {
    /// Connects, sees to the tables, and prepares all statements. On the runtime on which the connection is to stay.
    pub(super) async fn open(
        config: &Config,
        tls: MakeRustlsConnect,
        tables: &Tables,
        timeout: Duration,
        shown: &str,
    ) -> Result<Self, Error> {
        let failed = |error| failure::of(&error, shown).error;
        let (client, connection) = config.connect(tls).await.map_err(failed)?;
        // What ends it is told to those who ask.
        let driver = tokio::spawn(async { connection.await.unwrap_or_default() }).abort_handle();
        client.batch_execute(&settings(timeout)).await.map_err(failed)?;
        tables.ensure(&client, shown).await?;
        let texts: Vec<String> = statements::texts(tables).collect();
        let prepared = all(texts.iter().map(|text| Box::pin(client.prepare(text)) as _).collect()).await;
        let statements = prepared.into_iter().collect::<Result<_, _>>().map_err(failed)?;
        Ok(Self { client, statements, sending: Mutex::new(()), driver, is_given_up: AtomicBool::new(false) })
    }

    /// Has it ended?
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The socket is closed when the last has left it, without waiting for what the server may still have to say.
    pub(super) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    /// The rows that each step gave.
    pub(super) async fn run(&self, request: &Request<'_>) -> Result<Vec<Vec<Row>>, Refusal> {
        let Request::Together(steps) = request else {
            let mut answers = Vec::with_capacity(1);
            for step in request.steps() {
                answers.push(self.in_one_go(self.answer(step)).await?);
            }
            return Ok(answers);
        };
        let mut answers: Vec<Answered<'_>> = Vec::with_capacity(steps.len() + 2);
        answers.push(Box::pin(self.word("BEGIN")));
        for step in steps {
            answers.push(Box::pin(self.answer(step)));
        }
        answers.push(Box::pin(self.word("COMMIT")));
        let answers: Result<Vec<_>, _> = self.in_one_go(all(answers)).await.into_iter().collect();
        // The first that failed; those behind it only say that one did.
        let mut answers = answers?;
        answers.pop();
        answers.remove(0);
        Ok(answers)
    }

    async fn answer(&self, step: &Step<'_>) -> Result<Vec<Row>, Refusal> {
        let given: Vec<_> = step.given.iter().map(|given| &**given as _).collect();
        self.client.query(&self.statements[step.what as usize], &given).await
    }

    async fn word(&self, word: &str) -> Result<Vec<Row>, Refusal> {
        self.client.batch_execute(word).await.map(|()| Vec::new())
    }

    /// The client hands a request over when its future is polled first, and never again. So the server gets all of a
    /// transaction or nothing, also if its future is dropped, and they cost one way there and back.
    async fn in_one_go<T>(&self, requests: impl Future<Output = T>) -> T {
        let mut requests = pin!(requests);
        let first = poll_fn(|cx| {
            let _sending = self.sending.lock();
            Poll::Ready(requests.as_mut().poll(cx))
        });
        match first.await {
            Poll::Ready(answers) => answers,
            Poll::Pending => requests.await,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if *self.is_given_up.get_mut() {
            self.driver.abort();
        }
    }
}

/// Statements stand alone, see what was committed before them, and are planned once, by indexes. The server gives up when we do.
fn settings(timeout: Duration) -> String {
    format!(
        "SET statement_timeout = {}; SET default_transaction_isolation = 'read committed'; SET plan_cache_mode = force_generic_plan; \
         SET enable_seqscan = off; SET jit = off; SET client_min_messages = warning",
        timeout.as_millis().clamp(1, i32::MAX as u128)
    )
}

/// What several futures give, polled in their order.
async fn all<T>(futures: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (future, None)).collect();
    poll_fn(|cx| {
        let mut is_ready = true;
        for (future, answer) in futures.iter_mut().filter(|(_, answer)| answer.is_none()) {
            match future.as_mut().poll(cx) {
                Poll::Ready(given) => *answer = Some(given),
                Poll::Pending => is_ready = false,
            }
        }
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    futures.into_iter().filter_map(|(_, answer)| answer).collect()
}
