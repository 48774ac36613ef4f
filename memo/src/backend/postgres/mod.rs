//! `postgres://`: tables in a PostgreSQL database.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use tokio_postgres::{Config, Row, types::FromSql};
use tokio_postgres_rustls::MakeRustlsConnect;

use self::{
    connections::Connections,
    layout::{ALL, Locks, Note, Range, indexed, indexed_tags, notes_about, stripe_under, whole},
    listener::Listener,
    schema::Tables,
    statements::{Do, MOST, PAGE_LENGTH, Request, Step},
};
use super::{
    Answer, Capabilities, Change, Ear, Edit, Face, Item, Listening, Moment, UnixMillis, Url, Visit,
    net::{Breaker, EVERYTHING, Page, Remote, Server, only, runtime, scan, two_faces, unique, update},
};
use crate::{error::Error, flight::wait::block_on};

mod connections;
mod failure;
mod layout;
mod listener;
mod schema;
mod session;
mod statements;
mod target;
mod tls;

/// So many removals are remembered at most, for those who store what they made before.
const REMEMBERED: i64 = 100_000;
/// A longer prefix is refused, since it stands in every row.
const LONGEST_PREFIX: usize = 255;
/// What PostgreSQL can keep in one place is some more.
const LARGEST: usize = 1_000_000_000;

/// A store in a PostgreSQL database, from version 12 on.
///
/// | URL | where |
/// | --- | --- |
/// | `postgres://user:password@host:5432/database` | a server; all but the host may be missing. Of several hosts, the first that can be reached |
/// | `postgres://user@/database?socket=/run/postgresql` | a server on this host, by the folder of its socket |
///
/// | parameter | meaning | default |
/// | --- | --- | --- |
/// | `prefix` | what keeps stores in one table apart; any text of up to 255 bytes. Stores of different prefixes know nothing of each other | `memo` |
/// | `table` | the table of the entries, of up to 40 letters; a second one is called `…_removed` | `memo` |
/// | `unlogged` | `true`: the table is made `UNLOGGED`, which writes faster, and is empty after a crash of the server | `false` |
/// | `timeout` | how long an answer is waited for, by us and by the server | `1s` |
/// | `connect_timeout` | how long a connection is waited for | `1s` |
/// | `pool` | the most connections, for threads and for each tokio runtime | `16` |
/// | `trip_after` | after so many failures in a row the server is left alone; `0`: never | `5` |
/// | `pause` | for so long; then one request tries | `1s` |
/// | `sslmode` | `disable`: no TLS; `prefer`: TLS if the server can; `require`: TLS, with whomever; `verify-ca`: with who has a certificate from `ca`; `verify-full`: and in the name of the host | `prefer` |
/// | `ca` | a file with the certificates that are trusted | those of the system, for `verify-full` |
/// | `application_name` | what the server calls the connections | `memo` |
/// | `socket` | the folder of the server's socket, instead of a host | |
///
/// The tables are made when the store is first asked. If they are there, it needs no other rights than to select, insert, update
/// and delete in both. Tables that the library did not make are refused, and so are those of a newer version.
///
/// A hit, and a batch of hits, is one statement. Connections are shared: a request does not wait for the answers of those before it,
/// and goes where the fewest are waiting. Statements stay prepared, so a pooler in between has to keep a session on one connection
/// (in pgbouncer, `pool_mode = session`).
///
/// Entries expire by the clock of those who store them, and are removed by [`purge`](super::Backend::purge). A prefix or tag with
/// more than some thousand entries is removed bit by bit before the rest goes at once.
///
/// What is durable when `set` returns is what the configuration of the server makes it (`synchronous_commit`), and the table
/// (`unlogged`).
#[derive(Clone)]
pub struct Postgres(Arc<Inner>);

struct Inner {
    prefix: String,
    locks: Locks,
    connections: Connections,
    breaker: Breaker,
    shown: String,
    /// Where what changes is told.
    channel: String,
    /// Tells what this store tells from what others do.
    origin: String,
    /// How others are heard.
    hearing: (Config, MakeRustlsConnect, Duration),
}

impl Postgres {
    /// The store of a URL. Connects when it is first asked.
    ///
    /// # Errors
    ///
    /// If the URL is wrong.
    pub fn open(url: &Url) -> Result<Self, Error> {
        Self::open_with(url, |_| {})
    }

    /// The same with what a URL can't say, or shouldn't: a password from elsewhere, the role of a server, keepalives.
    ///
    /// ```
    /// use memo::backend::{Postgres, Url};
    ///
    /// let url = Url::parse("postgres://app@db.internal/app?table=calls")?;
    /// let store = Postgres::open_with(&url, |config| {
    ///     config.password(std::env::var("DB_PASSWORD").unwrap_or_default());
    /// })?;
    /// # Ok::<(), memo::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the URL is wrong.
    pub fn open_with(url: &Url, adjust: impl FnOnce(&mut Config)) -> Result<Self, Error> {
        url.expect_scheme(&["postgres"])?;
        let server = Server::of(url)?;
        if server.prefix.len() > LONGEST_PREFIX || server.prefix.contains('\0') {
            return Err(Error::config(format!(
                "`prefix` in `{url}`: at most {LONGEST_PREFIX} bytes, and no zero byte"
            )));
        }
        let mut config = target::of(url, &server)?;
        adjust(&mut config);
        let is_unlogged = url.param("unlogged") == Some("true");
        let tables = Tables::new(url.param("table").unwrap_or("memo"), is_unlogged, &server.shown)?;
        let tls = tls::of(url)?;
        Ok(Self(Arc::new(Inner {
            channel: listener::channel(tables.name(), &server.prefix),
            origin: unique(),
            hearing: (config.clone(), tls.clone(), server.connect_timeout),
            locks: Locks::new(tables.name(), &server.prefix),
            breaker: server.breaker()?,
            shown: server.shown.clone(),
            connections: Connections::new(config, tls, tables, &server),
            prefix: server.prefix,
        })))
    }

    /// Asks the server; gives the rows of each step. What changes nothing is asked once more, if the connection was lost.
    async fn ask(&self, face: Face, request: Request<'_>) -> Result<Vec<Vec<Row>>, Error> {
        let Inner { breaker, connections, shown, .. } = &*self.0;
        breaker.ask(shown, request.is_read(), || connections.send(face, &request)).await
    }

    /// The rows of the last step.
    async fn rows(&self, face: Face, request: Request<'_>) -> Result<Vec<Row>, Error> {
        Ok(self.ask(face, request).await?.pop().unwrap_or_default())
    }

    /// The one number that a statement gives.
    async fn number(&self, face: Face, request: Request<'_>) -> Result<u64, Error> {
        self.number_in(&self.rows(face, request).await?)
    }

    fn number_in(&self, rows: &[Row]) -> Result<u64, Error> {
        let number: i64 = rows.first().map_or(Ok(0), |row| self.column(row, 0))?;
        Ok(number.max(0).cast_unsigned())
    }

    fn column<'r, T: FromSql<'r>>(&self, row: &'r Row, column: usize) -> Result<T, Error> {
        row.try_get(column).map_err(|error| failure::of(&error, &self.0.shown).error)
    }

    /// A column with the whole of a key, or, where it is not cut, the one with the key.
    fn key<'r>(&self, row: &'r Row, key: usize, whole: usize) -> Result<&'r [u8], Error> {
        let whole: Option<&[u8]> = self.column(row, whole)?;
        whole.map_or_else(|| self.column(row, key), Ok)
    }

    fn step(&self, what: Do) -> Step<'_> {
        Step::new(what).with(&*self.0.prefix)
    }

    fn on<'a>(&'a self, what: Do, range: Range<'a>) -> Step<'a> {
        self.step(what).with(range.from).with(range.to).with(range.whole)
    }

    fn set<'a>(&'a self, what: Do, key: &'a [u8], item: &Item<'a>) -> Result<Step<'a>, Error> {
        if item.bytes.len() > LARGEST {
            return Err(Error::unavailable(format!("`{}` keeps no value of more than a gigabyte", self.0.shown)));
        }
        let expires = item.expires.map(signed);
        let step = self.step(what).with(indexed(key)).with(whole(key)).with(item.bytes).with(expires);
        Ok(step.with(indexed_tags(item.tags)))
    }

    /// The same, unless something was removed since.
    fn fenced<'a>(&'a self, what: Do, key: &'a [u8], item: &Item<'a>) -> Result<Step<'a>, Error> {
        let notes = item.since.map(|_| notes_about(key, item));
        Ok(self.set(what, key, item)?.with(item.since.map(signed)).with(notes))
    }

    /// Tells others what changes.
    fn tell(&self, news: Vec<String>) -> Step<'_> {
        Step::new(Do::Tell).with(&*self.0.channel).with(news)
    }

    fn told_of(&self, prefix: &[u8]) -> String {
        listener::about_prefix(&self.0.origin, prefix)
    }

    /// Takes down what is to be removed, under locks that keep out who might not see it, and tells others.
    fn note(&self, mut notes: Vec<Note>, news: Vec<String>) -> Vec<Step<'_>> {
        notes.sort_unstable();
        notes.dedup();
        let locks = self.0.locks.over(&notes);
        let (what, stripes): (Vec<i64>, Vec<i16>) = notes.into_iter().map(|note| (note.what, note.stripe)).unzip();
        vec![Step::new(Do::Lock).with(locks), self.step(Do::Note).with(what).with(stripes), self.tell(news)]
    }

    /// Removes what is in some ranges, as a whole but for what would take too long; gives the number for each.
    async fn remove_ranges(
        &self,
        face: Face,
        prefixes: &[&[u8]],
        (notes, news): (Vec<Note>, Vec<String>),
        tags: Option<Vec<Vec<u8>>>,
    ) -> Result<Vec<u64>, Error> {
        let on = |plain: Do, tagged: Do, prefix| match &tags {
            Some(tags) => self.on(tagged, Range::new(prefix, None)).with(tags),
            None => self.on(plain, Range::new(prefix, None)),
        };
        let mut counts = Vec::with_capacity(prefixes.len());
        for prefix in prefixes {
            let mut count = 0;
            // What is under the address of an entry is few.
            while stripe_under(prefix) == ALL
                && self.number(face, Request::Read(on(Do::FewUnder, Do::FewTagged, prefix))).await? > MOST
            {
                count += self.number(face, Request::Write(on(Do::ThinUnder, Do::ThinTagged, prefix))).await?;
            }
            counts.push(count);
        }
        let mut steps = self.note(notes, news);
        let before = steps.len();
        steps.extend(prefixes.iter().map(|prefix| on(Do::RemoveUnder, Do::RemoveTagged, prefix)));
        let answers = self.ask(face, Request::Together(steps)).await?;
        for (count, rows) in counts.iter_mut().zip(answers.iter().skip(before)) {
            *count += self.number_in(rows)?;
        }
        Ok(counts)
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Postgres").field(&self.0.shown).finish()
    }
}

/// PostgreSQL has no numbers without a sign; what is too large is as far away as can be.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Remote for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn capabilities(&self) -> Capabilities {
        EVERYTHING
    }

    async fn get(&self, face: Face, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let rows = self.rows(face, Request::Read(self.step(Do::Get).with(indexed(key)))).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let is_its = self.column::<Option<&[u8]>>(row, 1)? == whole(key);
        is_its.then(|| self.column(row, 0)).transpose()
    }

    async fn get_many(&self, face: Face, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<Vec<u8>> = keys.iter().map(|key| indexed(key)).collect();
        let rows = self.rows(face, Request::Read(self.step(Do::GetMany).with(asked))).await?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in &rows {
            found.insert(self.key(row, 0, 2)?, self.column::<&[u8]>(row, 1)?);
        }
        Ok(keys.iter().map(|key| found.get(key).map(|bytes| bytes.to_vec())).collect())
    }

    async fn set_many(&self, face: Face, items: &[(&[u8], Item<'_>)]) -> Result<(), Error> {
        if items.is_empty() {
            return Ok(());
        }
        // In one order, so that nobody waits in a circle. Of two with one key the later counts.
        let mut items: Vec<_> = items.iter().rev().collect();
        items.sort_by_key(|(key, _)| *key);
        items.dedup_by_key(|(key, _)| *key);
        let mut steps = Vec::with_capacity(items.len() + 1);
        let is_fenced = items.iter().any(|(_, item)| item.since.is_some());
        if is_fenced || items.len() > 1 {
            steps.push(Step::new(Do::Share).with(self.0.locks.of(items.iter().map(|(key, _)| *key))));
        }
        for (key, item) in &items {
            steps.push(self.fenced(Do::Set, key, item)?);
        }
        let replaced = items.iter().filter(|(_, item)| item.since.is_none());
        let news: Vec<String> = replaced.map(|(key, _)| self.told_of(key)).collect();
        if !news.is_empty() {
            steps.push(self.tell(news));
        }
        self.ask(face, Request::writing(steps)).await.map(drop)
    }

    async fn remove_many(&self, face: Face, keys: &[&[u8]]) -> Result<Vec<bool>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let news = keys.iter().map(|key| self.told_of(key)).collect();
        let mut steps = self.note(keys.iter().map(|key| Note::key(key)).collect(), news);
        let indexed: Vec<Vec<u8>> = keys.iter().map(|key| indexed(key)).collect();
        let wholes: Vec<&[u8]> = keys.iter().filter_map(|key| whole(key)).collect();
        steps.push(self.step(Do::Remove).with(indexed).with(wholes));
        let rows = self.rows(face, Request::Together(steps)).await?;
        let mut gone = rows.iter().map(|row| self.key(row, 0, 1)).collect::<Result<HashSet<_>, _>>()?;
        Ok(keys.iter().map(|key| gone.remove(key)).collect())
    }

    async fn remove_prefixes(&self, face: Face, prefixes: &[&[u8]]) -> Result<Vec<u64>, Error> {
        if prefixes.is_empty() {
            return Ok(Vec::new());
        }
        let notes = prefixes.iter().map(|prefix| Note::prefix(prefix)).collect();
        let news = prefixes.iter().map(|prefix| self.told_of(prefix)).collect();
        self.remove_ranges(face, prefixes, (notes, news), None).await
    }

    async fn remove_tagged(&self, face: Face, prefix: &[u8], tags: &[&str]) -> Result<u64, Error> {
        // By the first: what has that one and not the others stays out, too, which is a miss.
        let Some(first) = tags.first() else { return Ok(0) };
        let notes = (vec![Note::tag(first, prefix)], vec![listener::about_tag(&self.0.origin, first, prefix)]);
        only(self.remove_ranges(face, &[prefix], notes, indexed_tags(tags))).await
    }

    async fn moments(&self, face: Face, keys: &[&[u8]]) -> Result<Vec<Option<Moment>>, Error> {
        // One for all that share a lock.
        let mut known = HashMap::new();
        let mut moments = Vec::with_capacity(keys.len());
        for key in keys {
            let stripe = Note::key(key).stripe;
            let moment = match known.get(&stripe) {
                Some(moment) => *moment,
                None => self.number(face, Request::Read(self.step(Do::Moment).with(stripe))).await?,
            };
            known.insert(stripe, moment);
            moments.push(Some(moment));
        }
        Ok(moments)
    }

    async fn replace(&self, face: Face, key: &[u8], seen: Option<&[u8]>, change: &Change) -> Result<bool, Error> {
        if let Change::Set { bytes, expires, tags, since, is_news } = change {
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            let item = Item::new(bytes).expires(*expires).tags(&tags).since(*since);
            let mut steps = Vec::new();
            if since.is_some() {
                steps.push(Step::new(Do::Share).with(self.0.locks.of([key])));
            }
            // Told before, so that the last step is the one that says what became of it. That there is something now is no news.
            if *is_news && seen.is_some() {
                steps.push(self.tell(vec![self.told_of(key)]));
            }
            steps.push(match seen {
                Some(seen) => self.fenced(Do::Swap, key, &item)?.with(seen),
                None => self.fenced(Do::Add, key, &item)?,
            });
            return Ok(!self.rows(face, Request::writing(steps)).await?.is_empty());
        }
        let mut steps = self.note(vec![Note::key(key)], vec![self.told_of(key)]);
        steps.push(match seen {
            Some(seen) => self.step(Do::RemoveSeen).with(indexed(key)).with(whole(key)).with(seen),
            None => self.step(Do::Get).with(indexed(key)),
        });
        let rows = self.rows(face, Request::Together(steps)).await?;
        Ok(rows.is_empty() == seen.is_none())
    }

    async fn page(&self, face: Face, prefix: &[u8], after: Option<&[u8]>) -> Result<Page, Error> {
        let most = i64::try_from(PAGE_LENGTH).unwrap_or(i64::MAX);
        let step = self.on(Do::Page, Range::new(prefix, after)).with(most);
        let rows = self.rows(face, Request::Read(step)).await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            entries.push((self.key(row, 0, 2)?.to_vec(), self.column(row, 1)?));
        }
        let last = rows.get(PAGE_LENGTH - 1).map(|row| self.column(row, 0));
        Ok(Page { entries, more_after: last.transpose()? })
    }

    async fn count(&self, face: Face, prefix: &[u8]) -> Result<u64, Error> {
        self.number(face, Request::Read(self.on(Do::Count, Range::new(prefix, None)))).await
    }

    fn listen(&self, ear: Ear) -> Result<Listening, Error> {
        let Inner { hearing: (config, tls, patience), channel, origin, .. } = &*self.0;
        let (config, tls, patience) = (config.clone(), tls.clone(), *patience);
        runtime::run(Listener { config, tls, channel: channel.clone(), origin: origin.clone(), patience, ear }.run())
    }

    async fn purge(&self, face: Face, now: UnixMillis) -> Result<u64, Error> {
        let mut purged = 0;
        loop {
            let some = self.number(face, Request::Write(self.step(Do::Purge).with(signed(now)))).await?;
            purged += some;
            if some < MOST {
                break;
            }
        }
        self.ask(face, Request::Write(self.step(Do::Forget).with(REMEMBERED))).await?;
        Ok(purged)
    }
}

two_faces!(Postgres);
