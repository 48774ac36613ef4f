//! A process with a cache that is never dropped, and saves itself: `exit_child <end> <snapshot>`.

use std::{process::ExitCode, sync::LazyLock, thread};

use memo::{Autosync, Cache};

static NUMBERS: LazyLock<Cache<u64, u64>> = LazyLock::new(|| {
    let path = std::env::args().nth(2).expect("exit_child <end> <snapshot>");
    Cache::builder("numbers").snapshot(path).autosync(Autosync::default()).build().expect("builds")
});

thread_local! {
    /// Something that the last saves must not need.
    static GONE: String = "gone by then".to_owned();
}

fn set(n: u64) {
    NUMBERS.set(n, n).expect("memory");
}

fn elsewhere(work: fn()) {
    thread::spawn(work).join().expect("no panic");
}

fn main() -> ExitCode {
    GONE.with(String::len);
    match std::env::args().nth(1).as_deref() {
        Some("returns") => set(1),
        Some("exits") => {
            set(1);
            std::process::exit(0);
        }
        Some("panics") => {
            set(1);
            panic!("as it should");
        }
        Some("made it") => {
            LazyLock::force(&NUMBERS);
            elsewhere(|| set(1));
        }
        Some("changed it") => {
            elsewhere(|| LazyLock::force(&NUMBERS).clear().map(drop).expect("memory"));
            set(1);
        }
        Some("flushes") => {
            elsewhere(|| set(1));
            memo::flush_all().expect("saves");
        }
        Some("flushes and aborts") => {
            set(1);
            memo::flush_all().expect("saves");
            set(2);
            std::process::abort();
        }
        end => panic!("there is no such end: {end:?}"),
    }
    ExitCode::SUCCESS
}
