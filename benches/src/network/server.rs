//! A Redis of the benchmark's own.

use std::{
    env, fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// Where it listens. Fixed, since functions name it; it differs from what servers have by default.
pub const URL: &str = "redis://127.0.0.1:26390";
const PORT: &str = "26390";

/// Stopped when this is dropped.
pub struct Server {
    process: Child,
    dir: PathBuf,
}

impl Server {
    /// # Errors
    ///
    /// If it is not installed, or does not answer.
    pub fn start() -> Result<Self, String> {
        if commands().is_ok() {
            return Err(format!("somebody else listens on port {PORT}"));
        }
        let dir = env::temp_dir().join(format!("memo-benches-redis-{}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", PORT, "--save", "", "--dir"])
            .arg(&dir)
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server: {error}"))?;
        let server = Self { process, dir };
        for _ in 0..500 {
            if commands().is_ok() {
                return Ok(server);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err("redis-server does not answer".to_owned())
    }

    /// How many commands it was sent, without these questions.
    pub fn commands(&self) -> u64 {
        commands().expect("it answers")
    }
}

fn commands() -> redis::RedisResult<u64> {
    let mut connection = redis::Client::open(URL)?.get_connection_with_timeout(Duration::from_secs(1))?;
    let info: String = redis::cmd("INFO").arg("commandstats").query(&mut connection)?;
    let counted = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let is_ours = name == "info" || name.starts_with("client");
        let calls: u64 = rest.split(',').next()?.parse().ok()?;
        Some(if is_ours { 0 } else { calls })
    };
    Ok(info.lines().filter_map(counted).sum())
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        fs::remove_dir_all(&self.dir).ok();
    }
}
