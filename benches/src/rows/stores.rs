//! The rows about stores on disk: a table of their own, with other columns.

use crate::{
    contenders::{Column, Contender},
    instructions::{self, Work},
    measure,
    stores::{self, Action, Place, Store, disk, processes},
    table::{Bar, Row, Unit},
};

/// Those of the store of this name, or of all.
pub fn of(name: Option<&str>) -> Vec<Row> {
    let _place = Place::new();
    let chosen = Store::ALL.into_iter().filter(|store| name.is_none_or(|name| name == store.name()));
    chosen.flat_map(rows).collect()
}

fn rows(store: Store) -> Vec<Row> {
    // How much longer than by hand a call may take.
    let (name, bar) = match store {
        Store::Sqlite => ("SQLite", 1.4),
        Store::Lmdb => ("LMDB", 1.6),
        Store::LmdbSynced => ("LMDB, waiting for the disk", 1.6),
        Store::Files => ("files", 1.4),
    };
    let bars = &[Bar::Times(bar, Column::ByHand)];
    let mut rows = if store == Store::LmdbSynced { Vec::new() } else { hits(store, name, bars) };
    rows.extend([
        timed(name, "set", store, Action::Set, bars),
        timed(name, "replace", store, Action::Replace, bars),
        timed(name, "miss and store", store, Action::Miss, bars),
    ]);
    if store != Store::LmdbSynced {
        rows.push(Row::new(format!("{name}: an entry on the disk"), Unit::Bytes, &[]).cells(bytes(store)));
    }
    rows
}

fn hits(store: Store, name: &str, bars: &[Bar]) -> Vec<Row> {
    let contenders = contenders(store, Action::Hit);
    let nanos = measure::least(&contenders, 1);
    let in_threads = measure::least(&contenders, 2).into_iter().map(|(column, nanos)| (column, 2000.0 / nanos));
    let in_processes = nanos.iter().map(|(column, nanos)| Some((*column, processes::reads(*column, store, *nanos)?)));
    let in_processes: Vec<_> = in_processes.flatten().collect();
    let row = |what: &str, unit, bars: &[Bar]| Row::new(format!("{name}: {what}"), unit, bars);
    vec![
        row("hit", Unit::Nanos, bars).cells(nanos),
        instructions(row("hit", Unit::Instructions, bars), store),
        row("hits of two threads", Unit::MillionsPerSecond, &[]).cells(in_threads),
        row("hits of two processes", Unit::MillionsPerSecond, &[]).cells(in_processes),
    ]
}

fn contenders(store: Store, action: Action) -> Vec<Contender> {
    Column::ALL.into_iter().filter_map(|column| stores::contender(column, store, action)).collect()
}

fn timed(name: &str, what: &str, store: Store, action: Action, bars: &[Bar]) -> Row {
    Row::new(format!("{name}: {what}"), Unit::Nanos, bars).cells(measure::least(&contenders(store, action), 1))
}

fn instructions(row: Row, store: Store) -> Row {
    if !instructions::available() {
        return row.note("valgrind is missing");
    }
    let count = |column| Some((column, instructions::per_call(Work::Stored(store), column)?));
    row.cells(Column::ALL.into_iter().filter_map(count))
}

fn bytes(store: Store) -> Vec<(Column, f64)> {
    let entries = if store == Store::Files { 10_000 } else { 100_000 };
    let occupied = |column| Some((column, disk::bytes_per_entry(column, store, entries)?));
    Column::ALL.into_iter().filter_map(occupied).collect()
}
