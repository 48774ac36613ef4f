//! Rows 13, 54; promises 1, 4: processes that share a store run a body once; a leader that dies is replaced, one that fails holds up
//! nobody.

use std::{path::Path, process::Command, sync::LazyLock};

use memo::{Cache, Error, aio, backend::Backend, memoize};
use memo_tests::{
    children::{self, Player, part, say, wait_for_line},
    servers::{memcached, need, postgres, redis::Server},
    soon, within_20_s,
};
use tempfile::TempDir;

/// A lease that lasts longer than any test: what ends before it was not waited for.
const LONG: &str = "lease=1h";

// What children do.

static NUMBERS: LazyLock<Cache<u32, u64>> =
    LazyLock::new(|| Cache::builder("numbers").backend(&part().expect("a child").1[0]).build().expect("builds"));
static OBJECT: LazyLock<Cache<u32, u64>> = LazyLock::new(|| {
    Cache::builder("numbers").backend(&part().expect("a child").1[0]).distributed().build().expect("builds")
});
static OBJECT_IN_A_TASK: LazyLock<aio::Cache<u32, u64>> = LazyLock::new(|| {
    aio::Cache::from(
        Cache::builder("numbers").backend(&part().expect("a child").1[0]).distributed().build().expect("builds"),
    )
});

/// Says that it runs, and gives a number of its process when it is told to go on.
fn run(key: u32) -> u64 {
    say("runs");
    wait_for_line();
    u64::from(std::process::id()) + u64::from(key)
}

#[memoize(cache = NUMBERS, single_flight = "distributed")]
fn number(key: u32) -> u64 {
    run(key)
}

#[memoize(cache = NUMBERS, single_flight = "distributed")]
async fn number_in_a_task(key: u32) -> u64 {
    run(key)
}

#[memoize(backend = "sqlite://shared.db", single_flight = "distributed")]
fn attributed(key: u32) -> u64 {
    run(key)
}

#[memoize(cache = NUMBERS, single_flight = "distributed")]
fn fails(key: u32) -> Result<u64, String> {
    run(key);
    Err(format!("{key} is none"))
}

#[memoize(cache = NUMBERS, single_flight = "distributed")]
async fn fails_in_a_task(key: u32) -> Result<u64, String> {
    run(key);
    Err(format!("{key} is none"))
}

#[memoize(cache = NUMBERS, single_flight = "distributed")]
fn panics(key: u32) -> u64 {
    run(key);
    panic!("{key} is none")
}

#[memoize(cache = NUMBERS, single_flight = "distributed")]
async fn panics_in_a_task(key: u32) -> u64 {
    run(key);
    panic!("{key} is none")
}

#[memoize(cache = NUMBERS, single_flight = "distributed", wait_timeout = "200ms")]
fn is_impatient(key: u32) -> u64 {
    run(key)
}

#[memoize(cache = NUMBERS, single_flight = "distributed", wait_timeout = "200ms", on_timeout = "fail")]
async fn gives_up(key: u32) -> Result<u64, Error> {
    Ok(run(key))
}

/// Plays a part if this is another process; as a test it does nothing.
#[test]
fn another_process() {
    let Some((how, arguments)) = part() else { return };
    let key = arguments[1].parse().expect("a key");
    say("calls");
    let caught = |call: &dyn Fn() -> u64| std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_or(0);
    let value = match &*how {
        "thread" => number(key),
        "task" => smol::block_on(number_in_a_task(key)),
        "object" => OBJECT.get_or_compute(&key, || run(key)).expect("computes"),
        "object in a task" => {
            smol::block_on(async { OBJECT_IN_A_TASK.get_or_compute(&key, async { run(key) }).await.expect("computes") })
        }
        "attribute" => attributed(key),
        "fails" => fails(key).unwrap_or(0),
        "fails in a task" => smol::block_on(fails_in_a_task(key)).unwrap_or(0),
        "panics" => caught(&|| panics(key)),
        "panics in a task" => caught(&|| smol::block_on(panics_in_a_task(key))),
        "is impatient" => is_impatient(key),
        "gives up" => u64::from(smol::block_on(gives_up(key)).is_err_and(|error| error.is_timeout())),
        other => panic!("no part: {other}"),
    };
    let stats = if how == "attribute" { memo::cache_info(attributed) } else { memo::Cache::stats(&NUMBERS) };
    say(&format!("has {value} hits {} misses {} coalesced {}", stats.hits, stats.misses, stats.coalesced));
    // The store stays open.
    wait_for_line();
}

// What is expected of them.

/// A child that is about to call.
fn start(how: &str, url: &str, key: u32) -> Player {
    calling(Player::start(how, &[url, &key.to_string()]))
}

fn start_in(dir: &Path, how: &str, url: &str) -> Player {
    let mut command: Command = children::command(how, &[url, "7"]);
    command.current_dir(dir);
    calling(Player::of(command))
}

fn calling(mut player: Player) -> Player {
    assert_eq!(player.line().as_deref(), Some("calls"));
    player
}

/// One that runs the body.
fn leader(how: &str, url: &str, key: u32) -> Player {
    let mut player = start(how, url, key);
    expect_run(&mut player);
    player
}

fn expect_run(player: &mut Player) {
    assert_eq!(player.line().as_deref(), Some("runs"));
}

/// What a player has in the end, and how often it has run the body, which it is told to end.
fn outcome(player: &mut Player) -> (usize, String) {
    let mut runs = 0;
    loop {
        match player.line().expect("it ends with a value") {
            line if line == "runs" => runs += 1,
            line => return (runs, line),
        }
    }
}

fn value(outcome: &str) -> &str {
    outcome.split(' ').nth(1).expect("a value")
}

/// Is the lease of some entry there?
fn has_lease(store: &dyn Backend) -> bool {
    let mut found = false;
    let mut visit = |_: &[u8], _: &[u8]| {
        found = true;
        std::ops::ControlFlow::Continue(())
    };
    store.scan(b"/lease|", &mut visit).expect("it can be scanned");
    found
}

/// How often somebody has looked something up.
fn looks(server: &Server) -> u64 {
    let stats = server.tell("INFO commandstats").texts().concat();
    let calls = stats.split_once("cmdstat_get:calls=").and_then(|(_, rest)| rest.split_once(','));
    calls.map_or(0, |(calls, _)| calls.parse().expect("a number"))
}

/// Children that wait for another process: who waits looks again and again.
fn waiting<const N: usize>(server: &Server, ways: [&str; N], url: &str, key: u32) -> [Player; N] {
    let mut others = 0;
    ways.map(|how| {
        let before = looks(server);
        let player = start(how, url, key);
        others += 1;
        soon("they look again and again", || looks(server) > before + 12 * others);
        player
    })
}

/// A server, and the URL of a store there whose leases are not over during a test.
fn with_long_leases() -> Option<(Server, String)> {
    let server = Server::start()?;
    let url = server.url(&format!("?{LONG}"));
    Some((server, url))
}

fn redis_is_here() -> bool {
    need("redis-server", "redis-server", &[]).is_some()
}

/// What players have in the end, of whom one runs the body.
fn outcomes_of_one_run(players: &mut [Player]) -> Vec<(usize, String)> {
    players.iter_mut().for_each(Player::tell);
    let outcomes: Vec<_> = players.iter_mut().map(outcome).collect();
    assert_eq!(outcomes.iter().map(|(runs, _)| runs).sum::<usize>(), 1, "{outcomes:?}");
    outcomes
}

/// Eight processes that call at once: one run, whose value all have.
fn one_run(start: impl Fn(usize) -> Player) {
    let mut players: Vec<Player> = (0..8).map(start).collect();
    let outcomes = outcomes_of_one_run(&mut players);
    assert!(outcomes.iter().all(|(_, had)| value(had) == value(&outcomes[0].1)), "{outcomes:?}");
}

#[test]
fn one_process_of_many_runs_the_body() {
    within_20_s(|| {
        if !redis_is_here() {
            return;
        }
        let server = Server::start().expect("it is here");
        let ways = ["thread", "task", "object", "object in a task"];
        let url = server.url(&format!("?{LONG}"));
        one_run(|number| start(ways[number % 4], &url, 7));
        let keys = server.tell("KEYS *").texts();
        assert!(!keys.iter().any(|key| key.contains("/lease")), "{keys:?}");
    });
}

#[test]
fn files_are_shared_like_servers() {
    within_20_s(|| {
        let dir = TempDir::new().expect("a folder can be made");
        let place = |name: &str| dir.path().join(name).display().to_string();
        for (scheme, place) in [("sqlite", place("cache.db")), ("lmdb", place("entries")), ("file", place("files"))] {
            let url = format!("{scheme}://{place}?{LONG}");
            let ways = ["thread", "task"];
            one_run(|number| start(ways[number % 2], &url, 7));
            let store = memo::backend(&url).expect("opens");
            assert!(!has_lease(&*store), "{url}");
        }
        one_run(|_| start_in(dir.path(), "attribute", ""));
    });
}

#[test]
fn leases_are_in_any_store_that_reads_and_writes_in_one_step() {
    within_20_s(|| {
        let (postgres, memcached) = (postgres::Server::shared(), memcached::Server::start());
        let of_postgres =
            |lease: &str| postgres.as_ref().map(|server| server.url(&format!("?prefix={lease}&lease={lease}")));
        let of_memcached =
            |lease: &str| memcached.as_ref().map(|server| server.url(&format!("?prefix={lease}&lease={lease}")));
        for url in [of_postgres("1h"), of_memcached("1h")].into_iter().flatten() {
            let ways = ["thread", "task", "object", "object in a task"];
            one_run(|number| start(ways[number % 4], &url, 7));
        }
        for url in [of_postgres("700ms"), of_memcached("700ms")].into_iter().flatten() {
            let mut leader = leader("thread", &url, 7);
            let mut others = ["thread", "task", "thread"].map(|how| start(how, &url, 7));
            leader.kill();
            outcomes_of_one_run(&mut others);
        }
        for url in [of_postgres("1h"), of_postgres("700ms")].into_iter().flatten() {
            let store = memo::backend(&url).expect("opens");
            // One that was given back has expired.
            store.purge(1_000_000).expect("purged");
            assert!(!has_lease(&*store), "{url}");
        }
    });
}

#[test]
fn who_waited_for_another_process_has_a_hit() {
    within_20_s(|| {
        let Some((server, url)) = with_long_leases() else { return };
        let mut leader = leader("thread", &url, 7);
        let mut others = waiting(&server, ["thread", "task", "object"], &url, 7);
        leader.tell();
        let (_, had) = outcome(&mut leader);
        assert!(had.ends_with("hits 0 misses 1 coalesced 0"), "{had}");
        for other in &mut others[..2] {
            let expected = format!("has {} hits 1 misses 0 coalesced 1", value(&had));
            assert_eq!(outcome(other), (0, expected));
        }
        let (runs, of_object) = outcome(&mut others[2]);
        assert_eq!((runs, value(&of_object)), (0, value(&had)));
    });
}

#[test]
fn other_keys_do_not_wait() {
    within_20_s(|| {
        let Some((_server, url)) = with_long_leases() else { return };
        let mut first = leader("thread", &url, 7);
        let mut second = start("thread", &url, 8);
        expect_run(&mut second);
        second.tell();
        assert_eq!(outcome(&mut second).0, 0);
        first.tell();
        assert_eq!(outcome(&mut first).0, 0);
    });
}

#[test]
fn a_leader_that_is_killed_is_replaced_by_one() {
    within_20_s(|| {
        if !redis_is_here() {
            return;
        }
        let (server, dir) = (Server::start().expect("it is here"), TempDir::new().expect("a folder can be made"));
        let sqlite = format!("sqlite://{}/cache.db?lease=700ms", dir.path().display());
        for url in [server.url("?lease=700ms"), sqlite] {
            let mut leader = leader("thread", &url, 7);
            let mut others = ["thread", "task", "thread"].map(|how| start(how, &url, 7));
            leader.kill();
            outcomes_of_one_run(&mut others);
            assert!(!has_lease(&*memo::backend(&url).expect("opens")));
        }
    });
}

#[test]
fn a_lease_is_renewed_while_the_body_runs() {
    within_20_s(|| {
        let Some(server) = Server::start() else { return };
        let url = server.url("?lease=500ms");
        let mut leader = leader("thread", &url, 7);
        let mut others = ["thread", "task"].map(|how| start(how, &url, 7));
        let note = || {
            let keys = server.tell("KEYS *e:/lease*").texts();
            keys.first().map(|key| server.ask(&[b"GET", key.as_bytes()]).texts().concat()).unwrap_or_default()
        };
        let renewals = || note().split(' ').nth(2).map_or(0, |count| count.parse::<u64>().expect("a number"));
        soon("it was renewed for more than three times its time", || renewals() > 10);
        leader.tell();
        let (_, had) = outcome(&mut leader);
        for other in &mut others {
            let (runs, other) = outcome(other);
            assert_eq!((runs, value(&other)), (0, value(&had)));
        }
    });
}

#[test]
fn after_a_failure_all_who_waited_run_at_once() {
    within_20_s(|| {
        let Some((server, url)) = with_long_leases() else { return };
        for (key, how) in [(1, "fails"), (2, "fails in a task")] {
            let mut leader = leader(how, &url, key);
            let mut others = waiting(&server, ["thread", "task", "fails"], &url, key);
            leader.tell();
            assert_eq!(outcome(&mut leader).0, 0);
            // None of them has ended when the last begins.
            others.iter_mut().for_each(expect_run);
            others.iter_mut().for_each(Player::tell);
            assert!(others.iter_mut().all(|other| outcome(other).0 == 0));
        }
    });
}

#[test]
fn after_a_panic_one_takes_over() {
    within_20_s(|| {
        let Some((server, url)) = with_long_leases() else { return };
        for (key, how) in [(1, "panics"), (2, "panics in a task")] {
            let mut leader = leader(how, &url, key);
            let mut others = waiting(&server, ["thread", "task", "object"], &url, key);
            leader.tell();
            outcomes_of_one_run(&mut others);
            let keys = || server.tell("KEYS *e:/lease*").texts();
            assert_eq!(keys(), Vec::<String>::new());
        }
    });
}

#[test]
fn a_wait_for_another_process_has_a_timeout() {
    within_20_s(|| {
        let Some((_server, url)) = with_long_leases() else { return };
        let mut leader = leader("thread", &url, 7);
        let mut impatient = start("is impatient", &url, 7);
        expect_run(&mut impatient);
        assert_eq!(value(&outcome(&mut start("gives up", &url, 7)).1), "1", "an error says that it took too long");
        impatient.tell();
        leader.tell();
        assert_eq!((outcome(&mut impatient).0, outcome(&mut leader).0), (0, 0));
    });
}
