//! Measures memo against its peers: `cargo run --release --manifest-path benches/Cargo.toml -- [command]`.

mod allocations;
mod contenders;
mod instructions;
mod measure;
mod network;
mod rows;
mod scratch;
mod stores;
mod table;
mod traces;

use std::process::ExitCode;

const USAGE: &str = "\
usage: summary [command]
  (none), summary [folder]  everything; `folder` holds the traces (or MEMO_TRACES does)
  hit             u64 -> u64, with ttl, bound, tag and statistics
  threads         the same, two threads on one key
  random          the same, 100,000 keys at random
  strings         (&str, u32) -> String and -> Arc<str>
  misses          miss, store and evict
  tasks           a hit on an async function
  instructions    per hit, from callgrind
  allocations     per hit
  bytes           per entry, of a million
  traces [folder] hit ratios on recorded accesses
  build           time and size of 200 annotated functions
  stores [name]   functions whose entries live in stores on disk
  network [redis] the same on a server";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("summary", &[][..]),
    };
    let folder = rest.first().map(String::as_str);
    let heading = table::heading();
    let rows = match command {
        "summary" => everything(folder),
        "hit" => rows::hit(),
        "threads" => rows::threads(),
        "random" => rows::random(),
        "strings" => rows::strings(),
        "misses" => rows::misses(),
        "tasks" => rows::tasks(),
        "instructions" => rows::instructions(),
        "allocations" => rows::allocations(),
        "bytes" => rows::bytes(),
        "traces" => rows::traces(folder),
        "build" => rows::build(),
        "stores" => rows::stores::of(folder),
        "network" => rows::network::of(folder),
        "spin" => return ended(instructions::spin(rest)),
        "read" => return ended(stores::processes::read(rest)),
        "help" | "--help" => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => return fail(USAGE),
    };
    table::print(&heading, &rows);
    if command == "summary" {
        println!();
        table::print(&table::heading(), &rows::stores::of(None));
        println!();
        table::print(&table::heading(), &rows::network::of(None));
    }
    ExitCode::SUCCESS
}

fn ended(result: Result<(), String>) -> ExitCode {
    result.map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS)
}

/// Times come first: what comes later leaves full caches behind.
fn everything(traces: Option<&str>) -> Vec<table::Row> {
    let mut rows = rows::hit();
    rows.extend(rows::threads());
    rows.extend(rows::random());
    rows.extend(rows::strings());
    rows.extend(rows::misses());
    rows.extend(rows::tasks());
    rows.extend(rows::instructions());
    rows.extend(rows::allocations());
    rows.extend(rows::bytes());
    rows.extend(rows::traces(traces));
    rows.extend(rows::build());
    rows
}

fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}
