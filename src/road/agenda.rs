//! Which estates have work: packets to send now, in turn, and deadlines in order. Idle estates are not in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::Time;

/// The road's list of what is due for whom.
#[derive(Default)]
pub(crate) struct Agenda {
    ready: VecDeque<u32>,
    is_ready: BTreeSet<u32>,
    deadlines: BTreeSet<(Time, u32)>,
    deadline_of: BTreeMap<u32, Time>,
}

impl Agenda {
    /// Notes an estate's next deadline.
    pub(crate) fn set_deadline(&mut self, nuid: u32, deadline: Option<Time>) {
        let old = match deadline {
            Some(time) => self.deadline_of.insert(nuid, time),
            None => self.deadline_of.remove(&nuid),
        };
        if old == deadline {
            return;
        }
        if let Some(time) = old {
            self.deadlines.remove(&(time, nuid));
        }
        if let Some(time) = deadline {
            self.deadlines.insert((time, nuid));
        }
    }

    /// Puts an estate with packets to send at the end of the line, once.
    pub(crate) fn set_ready(&mut self, nuid: u32) {
        if self.is_ready.insert(nuid) {
            self.ready.push_back(nuid);
        }
    }

    /// Takes the next estate from the line; the caller puts it back while it has more.
    pub(crate) fn next_ready(&mut self) -> Option<u32> {
        let nuid = self.ready.pop_front()?;
        self.is_ready.remove(&nuid);
        Some(nuid)
    }

    /// Takes an estate out of the line again.
    pub(crate) fn unready(&mut self, nuid: u32) {
        if self.is_ready.remove(&nuid) {
            self.ready.retain(|n| *n != nuid);
        }
    }

    /// Whether an estate is in the line.
    pub(crate) fn is_in_line(&self, nuid: u32) -> bool {
        self.is_ready.contains(&nuid)
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next estate whose deadline has come; its deadline is taken off.
    pub(crate) fn next_due(&mut self, now: Time) -> Option<u32> {
        let (time, nuid) = self.deadlines.first().copied()?;
        if time > now {
            return None;
        }
        self.deadlines.pop_first();
        self.deadline_of.remove(&nuid);
        Some(nuid)
    }

    /// The earliest deadline.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|(time, _)| *time)
    }

    pub(crate) fn remove(&mut self, nuid: u32) {
        self.set_deadline(nuid, None);
        self.unready(nuid);
    }
}
