//! The statements, as every connection prepares them. `{entries}` and `{removed}` are the tables; `$1` is the prefix of the store.
//!
//! No plan depends on what a table was like when it was made: sequential scans are off, plans are generic (see `session.rs`).

use tokio_postgres::types::ToSql;

use super::schema::Tables;

/// So many entries one statement removes at most, where not all have to go at once: some ten milliseconds.
pub(super) const MOST: u64 = 5000;
/// So many entries one page of a scan shows.
pub(super) const PAGE_LENGTH: usize = 64;

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $($text:expr),+;)*) => {
        /// A statement, by its place among the prepared ones.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Do {
            $($(#[$doc])* $name),*
        }

        const TEXTS: &[&str] = &[$(concat!($($text),+)),*];
    };
}

/// The texts of all statements.
pub(super) fn texts(tables: &Tables) -> impl Iterator<Item = String> {
    TEXTS.iter().map(|text| tables.named(text).replace("MOST", &MOST.to_string()))
}

/// What stands in a range of keys: `$2` and `$3` are its ends, `$4` a prefix of keys that are cut.
macro_rules! under {
    () => {
        "prefix = $1 AND key >= $2 AND key < $3 AND ($4::bytea IS NULL OR substring(whole_key FOR length($4)) = $4)"
    };
}

/// What of that has all tags in `$5`. Found by the tags, whatever the planner thinks of a table that it knows as empty.
macro_rules! tagged {
    ($most:expr) => {
        concat!(
            "prefix = $1 AND tags @> $5 AND key = ANY(ARRAY(\
                 SELECT key FROM (SELECT prefix, key, whole_key FROM {entries} WHERE tags @> $5 OFFSET 0) AS tagged WHERE ",
            under!(),
            $most,
            "))"
        )
    };
}

macro_rules! few {
    ($range:expr) => {
        concat!("SELECT count(*) FROM (SELECT FROM {entries} WHERE ", $range, " LIMIT MOST + 1) AS few")
    };
}

macro_rules! remove {
    ($range:expr) => {
        concat!("WITH gone AS (DELETE FROM {entries} WHERE ", $range, " RETURNING 1) SELECT count(*) FROM gone")
    };
}

/// Some of what is in a range. What somebody else is changing is left alone, so that nobody waits in a circle.
macro_rules! thin {
    ($range:expr) => {
        concat!(
            "WITH few AS MATERIALIZED (SELECT key FROM {entries} WHERE ",
            $range,
            " LIMIT MOST FOR UPDATE SKIP LOCKED), \
             gone AS (DELETE FROM {entries} WHERE prefix = $1 AND key = ANY(ARRAY(SELECT key FROM few)) RETURNING 1) \
             SELECT count(*) FROM gone"
        )
    };
}

/// Whether something was removed since, which keeps an entry out: what was, and since when, by the numbers of the parameters.
macro_rules! kept_out {
    ($since:literal, $notes:literal) => {
        concat!(
            "kept_out AS (SELECT FROM {removed} WHERE prefix = $1 AND what = ANY($",
            $notes,
            "::bigint[]) AND number >= $",
            $since,
            "::bigint LIMIT 1)"
        )
    };
}

statements! {
    /// Key → value, whole key.
    Get = "SELECT value, whole_key FROM {entries} WHERE prefix = $1 AND key = $2";

    /// Keys → key, value, whole key.
    GetMany = "SELECT key, value, whole_key FROM {entries} WHERE prefix = $1 AND key = ANY($2)";

    /// Key, whole key, value, expiry, tags, since, notes. What was removed since stays out.
    Set = "INSERT INTO {entries} AS entry (prefix, key, whole_key, value, expires, tags) \
           SELECT $1::text, $2::bytea, $3::bytea, $4::bytea, $5::bigint, $6::bytea[] \
           WHERE $7::bigint IS NULL OR NOT EXISTS \
               (SELECT FROM {removed} WHERE prefix = $1 AND what = ANY($8::bigint[]) AND number >= $7) \
           ON CONFLICT (prefix, key) DO UPDATE SET whole_key = excluded.whole_key, value = excluded.value, \
               expires = excluded.expires, tags = excluded.tags";

    /// Key, whole key, value, expiry, tags, since, notes → a row if there was no entry, or it is kept out. One with another key that is
    /// cut alike is none.
    Add = "WITH ", kept_out!("7", "8"), ", added AS (\
           INSERT INTO {entries} AS entry (prefix, key, whole_key, value, expires, tags) \
           SELECT $1::text, $2::bytea, $3::bytea, $4::bytea, $5::bigint, $6::bytea[] \
           WHERE NOT EXISTS (SELECT FROM kept_out) \
           ON CONFLICT (prefix, key) DO UPDATE SET whole_key = excluded.whole_key, value = excluded.value, \
               expires = excluded.expires, tags = excluded.tags \
           WHERE entry.whole_key IS DISTINCT FROM excluded.whole_key RETURNING 1) \
           SELECT 1 FROM added UNION ALL SELECT 1 FROM kept_out";

    /// Key, whole key, value, expiry, tags, since, notes, value → a row if the last was the value, or it is kept out.
    Swap = "WITH ", kept_out!("7", "8"), ", swapped AS (\
            UPDATE {entries} SET value = $4, expires = $5, tags = $6 \
            WHERE prefix = $1 AND key = $2 AND whole_key IS NOT DISTINCT FROM $3 AND value = $9 \
                AND NOT EXISTS (SELECT FROM kept_out) RETURNING 1) \
            SELECT 1 FROM swapped UNION ALL SELECT 1 FROM kept_out";

    /// Key, whole key, value → a row if that was the value.
    RemoveSeen = "DELETE FROM {entries} \
                  WHERE prefix = $1 AND key = $2 AND whole_key IS NOT DISTINCT FROM $3 AND value = $4 RETURNING 1";

    /// Keys, whole keys → the keys of the entries that were there, and whole, where they are cut.
    Remove = "DELETE FROM {entries} \
              WHERE prefix = $1 AND key = ANY($2) AND (whole_key IS NULL OR whole_key = ANY($3)) RETURNING key, whole_key";

    /// How many there are, as far as that is few.
    FewUnder = few!(under!());
    FewTagged = few!(tagged!(" LIMIT MOST + 1"));
    ThinUnder = thin!(under!());
    ThinTagged = thin!(tagged!(" LIMIT MOST"));
    RemoveUnder = remove!(under!());
    RemoveTagged = remove!(tagged!(""));

    Count = "SELECT count(*) FROM {entries} WHERE ", under!();

    /// A range and a number → key, value, whole key.
    Page = "SELECT key, value, whole_key FROM {entries} WHERE ", under!(), " ORDER BY key LIMIT $5";

    /// A time → how many had expired by then.
    Purge = thin!("prefix = $1 AND expires <= $2");

    /// Takes down removals: hashes, stripes. In ascending order, like everybody.
    Note = "INSERT INTO {removed} (prefix, what, stripe) \
            SELECT $1::text, note.what, note.stripe FROM unnest($2::bigint[], $3::smallint[]) AS note (what, stripe) \
            ON CONFLICT (prefix, what) DO UPDATE SET number = excluded.number, at = excluded.at";

    /// Forgets removals that are older than a day, and all but the last so many, and raises the floor above them.
    Forget = "WITH old AS MATERIALIZED (SELECT what FROM {removed} WHERE prefix = $1 AND what <> 0 AND \
                  (at < now() - interval '1 day' OR number <= \
                      (SELECT number FROM {removed} WHERE prefix = $1 AND what <> 0 ORDER BY number DESC OFFSET $2 LIMIT 1)) \
                  FOR UPDATE SKIP LOCKED), \
              gone AS (DELETE FROM {removed} WHERE prefix = $1 AND what = ANY(ARRAY(SELECT what FROM old)) RETURNING number) \
              INSERT INTO {removed} AS floor (prefix, what, stripe, number) \
              SELECT $1::text, 0, -1, max(number) FROM gone HAVING count(*) > 0 \
              ON CONFLICT (prefix, what) DO UPDATE SET number = greatest(floor.number, excluded.number)";

    /// A stripe → the present: later than all removals that are seen and concern it. Those that are on their way have locked
    /// it, so their numbers are not lower.
    Moment = "SELECT greatest((SELECT max(number) FROM {removed} WHERE prefix = $1 AND stripe = $2), \
                              (SELECT max(number) FROM {removed} WHERE prefix = $1 AND stripe = -1), 0) + 1";

    /// Tells others, when all is committed: a channel, and texts.
    Tell = "SELECT pg_notify($1::text, news) FROM unnest($2::text[]) AS news";

    /// Waits for locks, which others may share.
    Share = "SELECT pg_advisory_xact_lock_shared(lock) FROM unnest($1::bigint[]) AS lock";
    /// Waits for locks, to have them alone.
    Lock = "SELECT pg_advisory_xact_lock(lock) FROM unnest($1::bigint[]) AS lock";
}

/// What a statement is given.
pub(super) type Given<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// A statement and what it is given.
pub(super) struct Step<'a> {
    pub(super) what: Do,
    pub(super) given: Vec<Given<'a>>,
}

impl<'a> Step<'a> {
    pub(super) fn new(what: Do) -> Self {
        Self { what, given: Vec::new() }
    }

    pub(super) fn with(mut self, value: impl ToSql + Sync + Send + 'a) -> Self {
        self.given.push(Box::new(value));
        self
    }
}

/// What a server is asked.
pub(super) enum Request<'a> {
    /// Something that changes nothing.
    Read(Step<'a>),
    Write(Step<'a>),
    /// Several steps as a whole.
    Together(Vec<Step<'a>>),
}

impl<'a> Request<'a> {
    /// Steps as a whole, which one is anyway.
    pub(super) fn writing(mut steps: Vec<Step<'a>>) -> Self {
        match steps.pop() {
            Some(only) if steps.is_empty() => Self::Write(only),
            last => {
                steps.extend(last);
                Self::Together(steps)
            }
        }
    }

    /// May it be asked twice?
    pub(super) fn is_read(&self) -> bool {
        matches!(self, Self::Read(_))
    }

    pub(super) fn steps(&self) -> &[Step<'a>] {
        match self {
            Self::Read(step) | Self::Write(step) => std::slice::from_ref(step),
            Self::Together(steps) => steps,
        }
    }
}
