//! `cargo bench`: runs the summary, with the arguments that follow `--`.

use std::process::{Command, exit};

fn main() {
    // Cargo adds `--bench` to whatever it runs here.
    let arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let status = Command::new(env!("CARGO_BIN_EXE_summary")).args(arguments).status();
    match status {
        Ok(status) => exit(status.code().unwrap_or(1)),
        Err(error) => {
            eprintln!("cannot run the summary: {error}");
            exit(1);
        }
    }
}
