//! The settings of a chain: `level`, `threads`, `threshold`, `max_value`.

use std::fmt;

use super::compress::Compressor;
use crate::backend::{integer, size};

/// Values with fewer bytes are not compressed.
const THRESHOLD: u64 = 256;
/// Values with more bytes are neither written nor read.
const MAX_VALUE: u64 = 256 << 20;

/// What is said; the rest is as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    level: Option<i64>,
    threads: Option<i64>,
    threshold: Option<u64>,
    max_value: Option<u64>,
}

const NAMES: [&str; 4] = ["level", "threads", "threshold", "max_value"];

impl Settings {
    pub(super) fn is_name(name: &str) -> bool {
        NAMES.contains(&name)
    }

    /// Reads `name=value&…`.
    pub(super) fn read(&mut self, query: &str) -> Result<(), String> {
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}`: expected `name=value`"))?;
            self.set(name, value)?;
        }
        Ok(())
    }

    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = |allowed: &str| format!("`{name}={value}`: expected {allowed}");
        let whole = || integer(value).ok_or_else(|| wrong("a whole number"));
        let bytes = || size(value).ok_or_else(|| wrong("a size such as `64MiB`, `1GB` (or bytes)"));
        let before = match name {
            "level" => self.level.replace(whole()?).is_some(),
            "threads" => self.threads.replace(whole()?).is_some(),
            "threshold" => self.threshold.replace(bytes()?).is_some(),
            "max_value" => self.max_value.replace(bytes()?).is_some(),
            _ => return Err(format!("unknown setting `{name}`: known are {}", super::listed(&NAMES))),
        };
        if before { Err(format!("`{name}` is said twice")) } else { Ok(()) }
    }

    /// A compressor with what is said about compressors.
    pub(super) fn apply(&self, mut compressor: Compressor) -> Result<Compressor, String> {
        if let Some(level) = self.level {
            compressor = compressor.with_level(level).map_err(|fault| format!("`level={level}`: {fault}"))?;
        }
        if let Some(threads) = self.threads {
            compressor = compressor.with_threads(threads).map_err(|fault| format!("`threads={threads}`: {fault}"))?;
        }
        Ok(compressor)
    }

    /// Nothing is compressed: was anything said about how?
    pub(super) fn without_compressor(&self) -> Result<(), String> {
        match (self.level, self.threads) {
            (Some(level), _) => Err(format!("`level={level}` is said of no compressor")),
            (_, Some(threads)) => Err(format!("`threads={threads}` is said of no compressor")),
            _ => Ok(()),
        }
    }

    pub(super) fn threshold(&self) -> usize {
        usize::try_from(self.threshold.unwrap_or(THRESHOLD)).unwrap_or(usize::MAX)
    }

    pub(super) fn max_value(&self) -> usize {
        usize::try_from(self.max_value.unwrap_or(MAX_VALUE)).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = [
            self.level.map(|level| format!("level={level}")),
            self.threads.map(|threads| format!("threads={threads}")),
            self.threshold.map(|bytes| format!("threshold={bytes}")),
            self.max_value.map(|bytes| format!("max_value={bytes}")),
        ];
        for (at, text) in said.into_iter().flatten().enumerate() {
            write!(f, "{}{text}", if at == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}
