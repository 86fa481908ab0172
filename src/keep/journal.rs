//! What a daemon has seen of others, for people to read when it does not run: who was met, on which wire and when, and what
//! keeps somebody out. Owns the words and the bounds; decides nothing, and nothing is decided by it.

mod trouble;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use trouble::{Kind, Trouble};

use super::format::BadFile;
use crate::base::{Name, limits};

/// The wire of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// Ours.
    Fast,
    /// Python raet's and Salt's.
    Classic,
}

impl Wire {
    /// `fast` or `classic`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Classic => "classic",
        }
    }
}

/// Something to be noted down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// An estate of this role is there.
    Met {
        /// The role.
        role: Name,
        /// How it came.
        wire: Wire,
        /// From where.
        from: std::net::SocketAddr,
    },
    /// Somebody is kept out.
    Trouble(Trouble),
}

/// When somebody was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Over which wire.
    pub wire: Wire,
    /// When it came last, or, where it is not there any more, when it left: seconds since 1970.
    pub at: u64,
    /// Whether it was there when this was written.
    pub here: bool,
}

/// A trouble, and how often it was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is.
    #[serde(flatten)]
    pub trouble: Trouble,
    /// How often it was noted; of what comes in a flood few are.
    pub count: u64,
    /// First noted, seconds since 1970.
    pub first: u64,
    /// Last noted.
    pub last: u64,
}

/// The journal of one daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// When it was written, seconds since 1970.
    #[serde(default)]
    pub as_of: u64,
    /// By role.
    #[serde(default)]
    pub seen: BTreeMap<Name, Sighting>,
    /// Oldest first.
    #[serde(default)]
    pub troubles: Vec<Line>,
}

/// Troubles of one kind that are remembered: a flood of one hides no other.
const OF_A_KIND: usize = 5;
/// A trouble that was not met for so long is over, seconds: a day, so that it is there on the morning after.
const OVER: u64 = 86_400;

impl Journal {
    /// Notes something at `now`, seconds since 1970; says whether it is a trouble that was not known.
    pub fn note(&mut self, now: u64, note: Note) -> bool {
        match note {
            Note::Met { role, wire, from } => {
                self.troubles.retain(|line| !line.trouble.is_over_with(&role, from));
                if self.seen.len() < limits::ESTATES || self.seen.contains_key(&role) {
                    self.seen.insert(role, Sighting { wire, at: now, here: true });
                }
                false
            }
            Note::Trouble(trouble) => self.trouble(now, trouble),
        }
    }

    fn trouble(&mut self, now: u64, trouble: Trouble) -> bool {
        self.expire(now);
        if let Some(at) = self.troubles.iter().position(|line| line.trouble.is_same(&trouble)) {
            let mut line = self.troubles.remove(at);
            (line.count, line.last) = (line.count.saturating_add(1), now);
            // What was said of it last counts: another key, another address.
            let is_news = !line.trouble.says_as(&trouble);
            line.trouble = trouble;
            self.troubles.push(line);
            return is_news;
        }
        let is_of_kind = |line: &Line| line.trouble.kind.number() == trouble.kind.number();
        if self.troubles.iter().filter(|line| is_of_kind(line)).count() >= OF_A_KIND
            && let Some(oldest) = self.troubles.iter().position(is_of_kind)
        {
            self.troubles.remove(oldest);
        }
        if self.troubles.len() >= limits::TROUBLES {
            self.troubles.remove(0);
        }
        self.troubles.push(Line { trouble, count: 1, first: now, last: now });
        true
    }

    /// A role has left.
    pub fn left(&mut self, now: u64, role: &Name) {
        if let Some(sighting) = self.seen.get_mut(role) {
            (sighting.at, sighting.here) = (now, false);
        }
    }

    /// A role is there after all: it had only changed places.
    pub fn back(&mut self, role: &Name) {
        if let Some(sighting) = self.seen.get_mut(role) {
            sighting.here = true;
        }
    }

    /// A role's key was deleted: whatever was said of it is about another life.
    pub fn forget(&mut self, role: &Name) {
        self.seen.remove(role);
        self.troubles.retain(|line| line.trouble.role.as_ref() != Some(role));
    }

    /// Nobody is there any more; as of when the journal was written, if nobody can tell better.
    pub fn all_left(&mut self, at: u64) {
        self.seen.values_mut().filter(|sighting| sighting.here).for_each(|sighting| {
            (sighting.at, sighting.here) = (at.max(sighting.at), false);
        });
    }

    /// Forgets troubles that are over.
    pub fn expire(&mut self, now: u64) {
        self.troubles.retain(|line| now.saturating_sub(line.last) < OVER);
    }

    /// Whether anybody is there.
    pub fn has_guests(&self) -> bool {
        self.seen.values().any(|sighting| sighting.here)
    }

    /// Reads a journal. More than a daemon writes is left out.
    pub fn read(bytes: &[u8]) -> Result<Self, BadFile> {
        let mut journal: Self = serde_json::from_slice(bytes).map_err(|_| BadFile::NoJournal)?;
        journal.troubles.truncate(limits::TROUBLES);
        while journal.seen.len() > limits::ESTATES {
            journal.seen.pop_last();
        }
        Ok(journal)
    }

    /// Writes it.
    pub fn write(&self) -> Vec<u8> {
        // Names, numbers and texts always have a JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
