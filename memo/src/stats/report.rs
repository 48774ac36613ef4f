//! The table of all functions.

use std::{fmt, time::Duration};

use super::{CacheInfo, TierInfo};

/// What every memoized function and every live cache object of the program did: displays as a table, and lists the numbers.
/// Where there are several tiers, each has a row below.
#[derive(Clone, Debug)]
pub struct Report {
    functions: Vec<CacheInfo>,
}

/// Reads the statistics of all functions and cache objects. Those that save the most time come first.
pub fn report() -> Report {
    Report::of(crate::functions())
}

impl Report {
    pub(crate) fn of(mut functions: Vec<CacheInfo>) -> Self {
        functions.sort_by(|a, b| b.time_saved().cmp(&a.time_saved()).then_with(|| a.name.cmp(&b.name)));
        Self { functions }
    }

    /// The numbers behind the rows.
    pub fn functions(&self) -> &[CacheInfo] {
        &self.functions
    }
}

const COLUMNS: [&str; 9] =
    ["function", "calls", "hits", "hit rate", "size", "mean cost", "time saved", "evicted", "errors"];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![COLUMNS.map(String::from)];
        for info in &self.functions {
            rows.push(row(info));
            if info.tiers.len() > 1 {
                rows.extend(info.tiers.iter().map(row_of_tier));
            }
        }
        let widths: [usize; 9] =
            std::array::from_fn(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0));
        for row in &rows {
            write!(f, "{:<1$}", row[0], widths[0])?;
            for (cell, width) in row.iter().zip(widths).skip(1) {
                write!(f, "  {cell:>width$}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn row(info: &CacheInfo) -> [String; 9] {
    [
        info.name.clone(),
        info.calls().to_string(),
        info.hits.to_string(),
        percent(info.hit_rate()),
        info.size.to_string(),
        readable(info.mean_cost()),
        readable(info.time_saved()),
        info.evictions.to_string(),
        info.errors.to_string(),
    ]
}

fn row_of_tier(tier: &TierInfo) -> [String; 9] {
    let calls = tier.hits + tier.misses;
    let size = tier.size.map_or_else(|| "?".to_owned(), |size| size.to_string());
    let (none, errors) = (String::new, tier.errors.to_string());
    [
        format!("  {}", tier.name),
        calls.to_string(),
        tier.hits.to_string(),
        percent(tier.hit_rate()),
        size,
        none(),
        none(),
        none(),
        errors,
    ]
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Three digits and a unit.
fn readable(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let (value, unit) = match seconds {
        0.0 => return "0".into(),
        s if s < 1e-6 => (s * 1e9, "ns"),
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    let digits = match value {
        v if v < 10.0 => 2,
        v if v < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}
