//! The rows about servers: a table of their own.

use std::time::Instant;

use crate::{
    contenders::Column,
    measure,
    network::{self, Action, Callers, Server},
    table::{Bar, Row, Unit},
};

const ONE: Callers = Callers::Tasks(1);
const MANY: Callers = Callers::Tasks(64);

/// Those of the server of this name, or of all.
pub fn of(name: Option<&str>) -> Vec<Row> {
    if name.is_some_and(|name| name != "redis") {
        return Vec::new();
    }
    let server = match Server::start() {
        Ok(server) => server,
        Err(error) => return vec![Row::new("Redis", Unit::Nanos, &[]).note(error)],
    };
    let hit = &[Bar::Times(1.15, Column::ByHand)];
    let mut rows = vec![
        timed("hit", Callers::Thread, Action::Hit, hit),
        timed("hit, one task", ONE, Action::Hit, hit),
        timed("hit, 64 tasks at once", MANY, Action::Hit, hit),
        timed("get_many of 100 keys", Callers::Thread, Action::GetMany, &[]),
        timed("get_many of 100 keys, one task", ONE, Action::GetMany, &[]),
        counted("get_many of 100 keys", &server, Callers::Thread),
        counted("get_many of 100 keys, one task", &server, ONE),
        timed("set", Callers::Thread, Action::Set, &[]),
    ];
    rows.push(told());
    rows.extend([("1,000", 1_000), ("1,000,000", 1_000_000)].map(|(text, among)| clearing(text, among)));
    rows
}

fn timed(what: &str, callers: Callers, action: Action, bars: &[Bar]) -> Row {
    let contenders: Vec<_> =
        Column::ALL.into_iter().filter_map(|column| network::contender(column, callers, action)).collect();
    Row::new(format!("Redis: {what}"), Unit::Nanos, bars).cells(measure::least(&contenders, 1))
}

/// What a call sends, and waits for.
fn counted(what: &str, server: &Server, callers: Callers) -> Row {
    const CALLS: u64 = 1_000;
    let count = |column| {
        let contender = network::contender(column, callers, Action::GetMany)?;
        contender.run(1);
        let before = server.commands();
        contender.run(CALLS);
        Some((column, (server.commands() - before) as f64 / CALLS as f64))
    };
    let row = Row::new(format!("Redis: {what}"), Unit::RoundTrips, &[Bar::AtMost(1.0)]);
    row.cells(Column::ALL.into_iter().filter_map(count))
}

fn told() -> Row {
    let row = Row::new("Redis: a change is seen in the memory of others, 99 of 100", Unit::Nanos, &[Bar::AtMost(50e6)]);
    row.cells([(Column::Memo, network::seen_after(990))])
}

fn clearing(text: &str, among: u64) -> Row {
    let least = |column| {
        let clear = network::tagged(column, among)?;
        let took = (0..network::GROUPS).map(|group| {
            let start = Instant::now();
            clear(group);
            start.elapsed().as_nanos() as f64
        });
        Some((column, took.fold(f64::MAX, f64::min)))
    };
    let row = Row::new(format!("Redis: clearing a tag of 10 entries among {text}"), Unit::Nanos, &[]);
    row.cells(Column::ALL.into_iter().filter_map(least))
}
