//! The settings of a chain: `level`, `threads`, `threshold`, `max_value`.

use std::{fmt, mem};

use super::compress::Compressor;
use crate::{
    backend::{SIZE, integer, is_said_before, next_param, size},
    message::Message,
};

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

/// What is wrong with `name=value&…`, whatever the compressors.
pub(super) const fn fault(query: &str) -> Option<Message> {
    let mut at = 0;
    while at < query.len() {
        at = match next_param(query, at) {
            // Nothing stands between two `&`.
            Err(part) if part.start == part.end => part.end + 1,
            Err(part) => return Some(Message::new().value(part.of(query)).text(": expected `name=value`")),
            Ok((name, value, next)) => {
                if let Some(fault) = fault_of(name.of(query), value.of(query)) {
                    return Some(fault);
                }
                if is_said_before(query, 0, name) {
                    return Some(twice(name.of(query)));
                }
                next
            }
        };
    }
    None
}

const fn fault_of(name: &str, value: &str) -> Option<Message> {
    let message = Message::new();
    let (is_good, allowed) = match name.as_bytes() {
        b"level" | b"threads" => (integer(value).is_some(), "a whole number"),
        b"threshold" | b"max_value" => (size(value).is_some(), SIZE),
        _ => return Some(message.text("unknown setting ").value(name).text(": known are ").values(&NAMES)),
    };
    if is_good {
        return None;
    }
    Some(message.text("`").cut(name).text("=").cut(value).text("`: expected ").text(allowed))
}

const fn twice(name: &str) -> Message {
    Message::new().value(name).text(" is said twice")
}

impl Settings {
    pub(super) fn is_name(name: &str) -> bool {
        NAMES.contains(&name)
    }

    /// Reads `name=value&…`.
    pub(super) fn read(&mut self, query: &str) -> Result<(), String> {
        if let Some(fault) = fault(query) {
            return Err(fault.to_string());
        }
        let pairs = query.split('&').filter_map(|part| part.split_once('='));
        pairs.into_iter().try_for_each(|(name, value)| self.set(name, value))
    }

    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if let Some(fault) = fault_of(name, value) {
            return Err(fault.to_string());
        }
        let before = match name {
            "level" => mem::replace(&mut self.level, integer(value)).is_some(),
            "threads" => mem::replace(&mut self.threads, integer(value)).is_some(),
            "threshold" => mem::replace(&mut self.threshold, size(value)).is_some(),
            _ => mem::replace(&mut self.max_value, size(value)).is_some(),
        };
        if before { Err(twice(name).to_string()) } else { Ok(()) }
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
