//! A lock that is a directory: for network file systems, which know no other that holds.
//!
//! The directory holds one file, `owner`, that says who holds it. It is made under a name of its own and then renamed to that of the
//! lock, which fails while there is a lock: so a lock has an owner from its first moment, wherever the process is killed.
//!
//! A lock whose owner is gone is broken: at once if it was a process of this machine, and after `stale_after` if it was one
//! elsewhere, whose life can't be seen from here. Who breaks a lock holds a second one meanwhile, so that of two that have seen a dead
//! owner the slower one does not break the lock that the faster one took.

use std::{
    fs,
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{
    disk::{self, doing},
    locks::Patience,
    names,
};
use crate::{
    backend::patience::Pauses,
    clock,
    error::Error,
    owner_only::{self, unique},
};

const OWNER: &str = "owner";
const FIRST_POLL: Duration = Duration::from_millis(1);

/// Makes such locks in one directory. Those that were given back are used again: a lock and its release are two renames.
#[derive(Debug)]
pub(super) struct OwnedDirs {
    root: PathBuf,
    patience: Patience,
    idle: Mutex<Vec<PathBuf>>,
}

/// Held until it is dropped.
#[derive(Debug)]
pub(super) struct OwnedDir<'a> {
    path: PathBuf,
    owner: Owner,
    dirs: &'a OwnedDirs,
}

impl OwnedDirs {
    pub(super) fn new(root: PathBuf, patience: Patience) -> Self {
        Self { root, patience, idle: Mutex::default() }
    }

    /// Takes the lock of this name. After `until`, the error names the owner.
    pub(super) fn take(&self, name: &str, until: Instant) -> Result<OwnedDir<'_>, Error> {
        let path = self.root.join(format!("{name}.lock"));
        let Patience { stale_after, wait, poll } = self.patience;
        let mut pauses = Pauses::new(FIRST_POLL, poll);
        loop {
            let owner = match self.try_take(&path).map_err(doing("locked", &path))? {
                Ok(lock) => return Ok(lock),
                Err(owner) => owner,
            };
            if owner.as_ref().is_some_and(|owner| owner.is_gone(stale_after)) {
                let breaking = self.root.join(format!("{name}.breaking"));
                if self.break_stale(&path, &breaking).map_err(doing("unlocked", &path))? {
                    continue;
                }
            }
            if owner.is_none() {
                // It was freed meanwhile.
                pauses = Pauses::new(FIRST_POLL, poll);
            }
            if !pauses.pause(until) {
                return Err(timed_out(&path, owner.as_ref(), wait));
            }
        }
    }

    /// The lock, or who holds it, unless it was freed in between.
    fn try_take(&self, path: &Path) -> io::Result<Result<OwnedDir<'_>, Option<Owner>>> {
        if let Some(owner) = Owner::of(path)? {
            return Ok(Err(Some(owner)));
        }
        let owner = Owner::this();
        let prepared = self.prepare(&owner)?;
        fs::rename(&prepared, path).ok();
        // The owner decides, not the error: over a network, a rename that was repeated fails although it happened.
        let found = Owner::of(path)?;
        if found.as_ref() == Some(&owner) {
            return Ok(Ok(OwnedDir { path: path.to_owned(), owner, dirs: self }));
        }
        self.idle.lock().push(prepared);
        Ok(Err(found))
    }

    /// A directory with this owner.
    fn prepare(&self, owner: &Owner) -> io::Result<PathBuf> {
        let idle = self.idle.lock().pop();
        if let Some(idle) = idle
            && write_owner(&idle, owner).is_ok()
        {
            return Ok(idle);
        }
        // Seldom, so that what ended processes left behind is removed in passing.
        self.sweep()?;
        let dir = self.aside();
        // With those above it: the directory of locks may have been deleted.
        owner_only::directories().recursive(true).create(&dir)?;
        disk::create(&dir.join(OWNER), owner.text.as_bytes(), false)?;
        Ok(dir)
    }

    /// Frees a lock whose owner is gone; false if somebody else is at it.
    fn break_stale(&self, path: &Path, breaking: &Path) -> io::Result<bool> {
        let is_gone = |owner: &Owner| owner.is_gone(self.patience.stale_after);
        match self.try_take(breaking)? {
            Ok(_alone) => {
                if Owner::of(path)?.as_ref().is_some_and(is_gone) {
                    self.put_away(path)?;
                }
            }
            // Who wanted to break it is gone as well.
            Err(Some(owner)) if is_gone(&owner) => self.put_away(breaking)?,
            Err(_) => return Ok(false),
        }
        Ok(true)
    }

    /// The lock is free as soon as its name is gone.
    fn put_away(&self, path: &Path) -> io::Result<()> {
        let aside = self.aside();
        match fs::rename(path, &aside) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => {
                self.idle.lock().push(aside);
                Ok(())
            }
        }
    }

    fn aside(&self) -> PathBuf {
        self.root.join(names::temporary(unique()))
    }

    /// Removes directories that are no lock and whose owner is gone. One that lives makes itself another.
    pub(super) fn sweep(&self) -> io::Result<()> {
        for name in disk::dirs_in(&self.root, names::is_temporary)? {
            let dir = self.root.join(name);
            let is_left = match Owner::of(&dir)? {
                Some(owner) => owner.is_gone(self.patience.stale_after),
                None => dir.symlink_metadata().is_ok_and(|found| disk::is_abandoned(&found)),
            };
            if is_left {
                unmake(&dir);
            }
        }
        Ok(())
    }
}

impl Drop for OwnedDirs {
    fn drop(&mut self) {
        self.idle.get_mut().iter().for_each(|dir| unmake(dir));
    }
}

impl Drop for OwnedDir<'_> {
    fn drop(&mut self) {
        // It may be another's by now, if this process held it for longer than `stale_after`.
        if Owner::of(&self.path).is_ok_and(|owner| owner.as_ref() == Some(&self.owner)) {
            self.dirs.put_away(&self.path).ok();
        }
    }
}

fn timed_out(path: &Path, owner: Option<&Owner>, waited: Duration) -> Error {
    let (path, waited) = (path.display(), waited.as_secs_f64());
    let owner = owner.map_or_else(|| "nobody known".to_owned(), Owner::to_string);
    Error::unavailable(format!("`{path}` is locked by {owner}; waited {waited} s"))
}

fn write_owner(dir: &Path, owner: &Owner) -> io::Result<()> {
    // In place: nobody reads it before it is a lock. Owners of one process are equally long.
    let mut file = fs::File::options().write(true).open(dir.join(OWNER))?;
    file.write_all(owner.text.as_bytes())?;
    file.set_len(owner.text.len() as u64)
}

fn unmake(dir: &Path) {
    fs::remove_file(dir.join(OWNER)).ok();
    fs::remove_dir(dir).ok();
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    text: String,
}

impl Owner {
    /// This process, now.
    fn this() -> Self {
        static PROCESS: LazyLock<(u32, String)> = LazyLock::new(|| (std::process::id(), process()));
        let now = clock::unix_now();
        // A fork is another process.
        let this = if PROCESS.0 == std::process::id() { PROCESS.1.clone() } else { process() };
        Self { text: format!("{this}time {now}\nid {:032x}\n", unique()) }
    }

    /// `None` if there is no lock.
    fn of(lock: &Path) -> io::Result<Option<Self>> {
        let Some(file) = disk::open(&lock.join(OWNER))? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(4096).read_to_end(&mut bytes)?;
        Ok(Some(Self { text: String::from_utf8_lossy(&bytes).into_owned() }))
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).filter(|text| !text.is_empty())
    }

    /// Can the lock be broken?
    fn is_gone(&self, stale_after: Duration) -> bool {
        let machine = machine();
        let is_here = machine.is_some() && machine.as_deref() == self.field("machine");
        match self.field("pid").and_then(|pid| pid.parse().ok()) {
            // A process of the same number that started at another time is another one.
            Some(pid) if is_here => started(pid).is_none_or(|started| Some(&*started) != self.field("started")),
            _ => self.age().is_none_or(|age| age >= stale_after),
        }
    }

    /// How long ago it was taken; `None` if that can't be read. A time to come is no age.
    fn age(&self) -> Option<Duration> {
        let time: u64 = self.field("time")?.parse().ok()?;
        Some(Duration::from_millis(clock::unix_now().saturating_sub(time)))
    }
}

/// What the owner file says of this process.
fn process() -> String {
    let pid = std::process::id();
    let (started, machine) = (started(pid).unwrap_or_default(), machine().unwrap_or_default());
    format!("pid {pid}\nhost {}\nstarted {started}\nmachine {machine}\n", host())
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = |name| self.field(name).unwrap_or("unknown");
        write!(f, "process {} on `{}`", known("pid"), known("host"))?;
        self.age().map_or(Ok(()), |age| write!(f, " since {} s", age.as_secs()))
    }
}

/// What tells processes apart that have one number: the boot, and the name space of the numbers (containers). `None`
/// where this can't be known: then age alone says that a lock is stale.
#[cfg(target_os = "linux")]
fn machine() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{}/{}", boot.trim(), space.display()))
}

#[cfg(not(target_os = "linux"))]
fn machine() -> Option<String> {
    None
}

/// When a process started, in ticks since the boot; `None` if it does not live.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program, in parentheses, may contain anything.
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let is_alive = !matches!(fields.next()?, "Z" | "X" | "x");
    fields.nth(18).filter(|_| is_alive).map(str::to_owned)
}

fn host() -> String {
    let named = |name| std::env::var(name).ok().filter(|name| !name.contains('\n'));
    let kernel = fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
    kernel.or_else(|| named("HOSTNAME")).or_else(|| named("COMPUTERNAME")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Owner {
        let of = Owner::this();
        let lines = of.text.lines().map(|line| match line.split_once(' ') {
            Some((known, _)) if known == name => format!("{known} {value}\n"),
            _ => format!("{line}\n"),
        });
        Owner { text: lines.collect() }
    }

    #[test]
    fn an_owner_is_gone_when_it_does_not_live_or_its_time_is_over() {
        let hour = Duration::from_hours(1);
        assert!(!Owner::this().is_gone(Duration::ZERO), "this process lives, whatever the time");
        assert!(with("started", "1").is_gone(hour), "the number is another process's by now");
        assert!(with("pid", &u32::MAX.to_string()).is_gone(hour), "there is no such process");
        assert!(!with("machine", "elsewhere").is_gone(hour), "elsewhere, and lately");
        let long_ago = Owner { text: with("machine", "elsewhere").text.replace("time ", "time 1000\nformerly ") };
        assert!(long_ago.is_gone(hour), "elsewhere, and long ago");
        assert!(!Owner { text: long_ago.text.replace("time 1000", "time 99999999999999") }.is_gone(hour));
        assert!(Owner { text: "\0\0".to_owned() }.is_gone(hour), "what is no owner owns nothing");
    }
}
