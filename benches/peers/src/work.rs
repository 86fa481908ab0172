//! The workloads every peer is put through, and how their figures travel from the processes that measure them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, anyhow};

/// What the two ends do with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Work {
    /// As many bytes as possible, near to far.
    Bulk,
    /// Messages of `PACED` bytes at a steady pace, near to far.
    Paced,
    /// Requests of `SMALL` bytes, each after the reply to the one before.
    Request,
    /// As many messages of `SMALL` bytes as possible, near to far.
    Flood,
    /// New connections, mutually authenticated, one by one.
    Handshake,
    /// The same, sixteen at a time.
    Handshakes,
    /// Many connections that do nothing.
    Idle,
}

/// Bytes of a paced message; the first eight say when it was due.
pub(crate) const PACED: usize = 1_000;
/// Paced messages a second: 1.6 Mb/s, under what even a window halved by 5 % loss still carries.
pub(crate) const PACE: u64 = 200;
/// Bytes of a small message.
pub(crate) const SMALL: usize = 64;
/// Idle connections.
pub(crate) const CROWD: usize = 1_000;

impl Work {
    /// All of them.
    pub(crate) const ALL: &'static [Self] =
        &[Self::Bulk, Self::Paced, Self::Request, Self::Flood, Self::Handshake, Self::Handshakes, Self::Idle];

    /// How many connections are being opened at any time.
    pub(crate) fn at_once(self) -> usize {
        if self == Self::Handshakes { 16 } else { 1 }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bulk => "bulk",
            Self::Paced => "paced",
            Self::Request => "request",
            Self::Flood => "flood",
            Self::Handshake => "handshake",
            Self::Handshakes => "handshakes",
            Self::Idle => "idle",
        })
    }
}

impl FromStr for Work {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let named = Self::ALL.iter().find(|work| work.to_string() == text);
        named.copied().ok_or_else(|| anyhow!("no workload is called {text}"))
    }
}

/// A workload and how long it is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    pub(crate) work: Work,
    pub(crate) time: Duration,
}

/// Figures by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures(pub(crate) BTreeMap<String, f64>);

impl Figures {
    pub(crate) fn set(&mut self, name: &str, value: f64) {
        self.0.insert(name.to_owned(), value);
    }

    pub(crate) fn of(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Median, 99th percentile and count of `samples`, named `p50`, `p99` and `count`.
    pub(crate) fn spread(&mut self, mut samples: Vec<f64>) {
        samples.sort_by(f64::total_cmp);
        let at = |share: f64| samples.get(((samples.len() as f64 * share) as usize).min(samples.len().max(1) - 1));
        for (name, share) in [("p50", 0.50), ("p99", 0.99)] {
            if let Some(value) = at(share) {
                self.set(name, *value);
            }
        }
        self.set("count", samples.len() as f64);
    }

    /// Takes a line that `Display` wrote.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some((name, value)) = line.split_once(' ')
            && let Ok(value) = value.parse()
        {
            self.set(name, value);
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| writeln!(f, "{name} {value}"))
    }
}
