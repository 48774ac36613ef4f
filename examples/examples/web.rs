//! A web service whose pages are cached in Redis, with memory in front, so that all its instances share what one has computed.
//!
//! ```text
//! cargo run --release --example web                       # starts Redis and two instances, and shows what happens
//! ```
//!
//! By hand, with a Redis that is there, and one terminal for each of the first two lines:
//!
//! ```text
//! cargo run --release --example web -- serve 8001 redis://127.0.0.1 /tmp/users
//! cargo run --release --example web -- serve 8002 redis://127.0.0.1 /tmp/users
//! curl localhost:8001/users/7             # slow: the database is asked
//! curl localhost:8001/users/7             # fast, from memory
//! curl localhost:8002/users/7             # fast, from Redis
//! curl localhost:8002/users/7 -d Ada      # a new name
//! curl localhost:8002/users/7             # slow, with the new name
//! curl localhost:8001/users/7             # the new name, too
//! curl localhost:8001/stats
//! ```
//!
//! An update removes what is wrong from Redis and from the memory of the instance that made it, before it is answered. Another
//! instance may go on with what it has in its own memory for a moment, here for less than a second: no entry lives longer.

use std::{
    env,
    error::Error,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{LazyLock, OnceLock},
    thread,
    time::{Duration, Instant},
};

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use memo::{aio::Cache, invalidates, memoize};
use memo_examples::redis;
use tokio::{fs, net::TcpListener, runtime::Runtime, time::sleep};

/// How long entries live: not long, as the example is not.
const TTL: Duration = Duration::from_millis(900);
/// How long the database takes for each question.
const SLOW: Duration = Duration::from_millis(200);

/// What the command line says, known before the first request.
static SETTINGS: OnceLock<Settings> = OnceLock::new();

struct Settings {
    redis: String,
    /// A folder stands for the database: the name of user 7 is in the file `7`.
    database: PathBuf,
}

// ---- What is cached, and where

static NAMES: LazyLock<Cache<u64, String>> = LazyLock::new(|| cache("names"));
static REVIEWS: LazyLock<Cache<u64, String>> = LazyLock::new(|| cache("reviews"));

/// With a URL that is known when the program compiles, a function would say it itself: `backend = ["memory", "redis://…"]`.
fn cache(name: &str) -> Cache<u64, String> {
    let cache = Cache::builder(name).tier("memory").tier(&settings().redis).ttl(TTL).max_entries(10_000);
    cache.build().expect("the URL was looked at when the program began").into()
}

fn settings() -> &'static Settings {
    SETTINGS.get().expect("they are set before the first request")
}

#[memoize(cache = NAMES, tag = format!("user:{id}"))]
async fn name(id: u64) -> io::Result<String> {
    sleep(SLOW).await;
    match fs::read_to_string(settings().database.join(id.to_string())).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(format!("user {id}")),
        name => name,
    }
}

#[memoize(cache = REVIEWS, tag = format!("user:{id}"))]
async fn reviews(id: u64) -> io::Result<String> {
    let name = name(id).await?;
    sleep(SLOW).await;
    Ok(format!("  \"Very good!\" ({name})\n  \"I want my money back.\" ({name})\n"))
}

/// Whatever was computed of the user is wrong afterwards.
#[invalidates(tag = format!("user:{id}"))]
async fn rename(id: u64, name: String) -> io::Result<()> {
    sleep(SLOW).await;
    fs::create_dir_all(&settings().database).await?;
    fs::write(settings().database.join(id.to_string()), name).await
}

// ---- The service: nothing here knows of the cache, but for the statistics

type Answer = Result<String, (StatusCode, String)>;

fn failed(error: &io::Error) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"))
}

async fn show(Path(id): Path<u64>) -> Answer {
    let (name, reviews) =
        (name(id).await.map_err(|error| failed(&error))?, reviews(id).await.map_err(|error| failed(&error))?);
    Ok(format!("{name} wrote:\n{reviews}"))
}

async fn update(Path(id): Path<u64>, name: String) -> Answer {
    rename(id, name).await.map_err(|error| failed(&error))?;
    Ok("It is done.\n".to_owned())
}

async fn stats() -> String {
    memo::aio::report().await.to_string()
}

async fn serve(port: u16) -> io::Result<()> {
    let users = get(show).post(update);
    let router = Router::new().route("/users/{id}", users).route("/stats", get(stats));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, router).await
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => redis::Server::start()?.map_or(Ok(()), |server| tour(&server.url())),
        [url] => tour(url),
        [serves, port, url, database] if serves == "serve" => {
            memo::backend(url)?;
            SETTINGS.get_or_init(|| Settings { redis: url.clone(), database: database.into() });
            Ok(Runtime::new()?.block_on(serve(port.parse()?))?)
        }
        _ => Err("expected: [REDIS_URL] or serve PORT REDIS_URL DATABASE_FOLDER".into()),
    }
}

// ---- What happens, shown with two instances

fn tour(redis: &str) -> Result<(), Box<dyn Error>> {
    let database = tempfile::tempdir()?;
    let start = || Instance::start(redis, &database.path().display().to_string());
    let (first, second) = (start()?, start()?);

    let since = Instant::now();
    let (page, cold) = first.ask("GET", "")?;
    println!("\nThe first instance, asked for the first time: {cold:.1?}\n{page}");
    assert!(page.starts_with("user 7 wrote:") && cold > SLOW);

    for (what, instance) in
        [("The first, once more", &first), ("The second", &second), ("The second, once more", &second)]
    {
        let (same, warm) = instance.ask("GET", "")?;
        println!("{what}: {warm:.1?}");
        // On a machine that is very busy the entries may be over by now.
        assert!(same == page && (warm < SLOW || since.elapsed() > TTL), "{warm:?}");
    }

    let (_, took) = first.ask("POST", "Ada")?;
    let since = Instant::now();
    println!("\nThe first instance gives the user another name: {took:.1?}");
    let (page, took) = first.ask("GET", "")?;
    println!("The first: {took:.1?}\n{page}");
    assert!(page.starts_with("Ada wrote:"));
    loop {
        let began = since.elapsed();
        if second.ask("GET", "")?.0 == page {
            println!("The second gives the same, {began:.1?} after the change.");
            break;
        }
        assert!(began < Duration::from_secs(1), "the second instance goes on with what is wrong");
        thread::sleep(Duration::from_millis(10));
    }
    println!("\nWhat the second instance says of its caches:\n{}", second.ask_for("GET /stats", "")?.0);
    Ok(())
}

/// This program as another process, which ends with this.
struct Instance {
    process: Child,
    port: u16,
}

impl Instance {
    fn start(redis: &str, database: &str) -> Result<Self, Box<dyn Error>> {
        let mut process =
            Command::new(env::current_exe()?).args(["serve", "0", redis, database]).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("it has no output")?).read_line(&mut line)?;
        let mut instance = Self { process, port: 0 };
        instance.port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok()).ok_or("it did not start")?;
        println!("An instance serves at {}", line.trim());
        Ok(instance)
    }

    /// A request about the user, and how long the answer took.
    fn ask(&self, method: &str, body: &str) -> Result<(String, Duration), Box<dyn Error>> {
        self.ask_for(&format!("{method} /users/7"), body)
    }

    fn ask_for(&self, what: &str, body: &str) -> Result<(String, Duration), Box<dyn Error>> {
        let began = Instant::now();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        let length = body.len();
        let head =
            format!("{what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all((head + body).as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        if head.starts_with("HTTP/1.1 200") { Ok((body.to_owned(), began.elapsed())) } else { Err(body.into()) }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
