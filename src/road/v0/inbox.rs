//! Messages from one estate: those under reassembly, and which transactions of the session are over.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::messengent::Messengent;
use crate::base::ranges::Ranges;
use crate::base::{Time, limits};
use crate::wire::v0::Head;

/// The way in from one estate.
pub(crate) struct Inbox {
    trays: BTreeMap<Key, Messengent>,
    /// When each of them is due.
    deadlines: BTreeSet<(Time, Key)>,
    /// Those that were whole once and did not open: other segments may have been among theirs.
    spoiled: BTreeSet<Key>,
    /// The session number of the messages that have opened.
    si: Option<u32>,
    done: Ranges,
    /// The highest transaction seen, counted on past 2^32.
    highest: u64,
    /// Bytes under reassembly.
    bytes: usize,
}

/// Which message a segment belongs to. Numbers alone do not tell: an estate without a disk counts from the start again in each
/// life, and what somebody recorded of an earlier one must not get between the segments of a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    ti: u32,
    si: u32,
    sc: u32,
    ml: u32,
}

impl Key {
    pub(super) fn of(head: &Head) -> Self {
        Self { ti: head.ti, si: head.si, sc: head.sc, ml: head.ml }
    }
}

/// Spoiled messages that are remembered; further ones get no second chance.
const SPOILED: usize = 256;

/// Gaps between finished transactions we tell apart: joins, presence, and messages still on their way. A sender with more
/// messages than this on their way, every second one lost, would be told that the oldest has arrived; ours has 60.
const GAPS: usize = 8192;

impl Default for Inbox {
    fn default() -> Self {
        Self {
            trays: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            spoiled: BTreeSet::new(),
            si: None,
            done: Ranges::new(GAPS),
            highest: 0,
            bytes: 0,
        }
    }
}

impl Inbox {
    /// A new session, or none: nothing of the old one counts.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether this transaction was delivered in this session.
    pub(super) fn is_done(&self, ti: u32) -> bool {
        self.done.contains(self.widen(ti))
    }

    /// It was delivered: whatever else came under its number is not needed any more.
    pub(super) fn on_done(&mut self, ti: u32) {
        self.remove_all(ti, 0..=u32::MAX);
        let wide = self.widen(ti);
        self.highest = self.highest.max(wide);
        self.done.insert(wide);
    }

    /// Bytes under reassembly.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether another message may be taken up for reassembly.
    pub(super) fn has_room(&self) -> bool {
        self.trays.len() < limits::INBOX_MESSAGES && self.bytes < limits::INBOX_BYTES
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Messengent> {
        let tray = self.trays.remove(&key)?;
        self.deadlines.remove(&(tray.deadline(), key));
        self.bytes = self.bytes.saturating_sub(tray.bytes());
        Some(tray)
    }

    /// Forgets what is under reassembly in a transaction of these sessions; says whether anything was.
    pub(super) fn remove_all(&mut self, ti: u32, si: RangeInclusive<u32>) -> bool {
        let first = Key { ti, si: *si.start(), sc: 0, ml: 0 };
        let last = Key { ti, si: *si.end(), sc: u32::MAX, ml: u32::MAX };
        let keys: Vec<Key> = self.trays.range(first..=last).map(|(key, _)| *key).collect();
        keys.into_iter().filter(|key| self.remove(*key).is_some()).count() > 0
    }

    /// A whole message did not open. Says whether it gets a second chance.
    pub(super) fn on_spoiled(&mut self, key: Key) -> bool {
        self.spoiled.len() < SPOILED && self.spoiled.insert(key)
    }

    /// Whether a message is in its second chance.
    pub(super) fn is_spoiled(&self, key: Key) -> bool {
        self.spoiled.contains(&key)
    }

    /// Whether a message may be of this session, as far as is known.
    pub(super) fn is_of_session(&self, si: u32) -> bool {
        self.si.is_none_or(|known| known == si)
    }

    /// A message with this session number has opened.
    pub(super) fn on_opened(&mut self, si: u32) {
        self.si = Some(si);
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        self.trays.contains_key(&key)
    }

    pub(super) fn insert(&mut self, key: Key, tray: Messengent) {
        self.remove(key);
        self.deadlines.insert((tray.deadline(), key));
        self.bytes += tray.bytes();
        self.trays.insert(key, tray);
    }

    /// Lets `change` work on a message, and keeps count of its bytes and its deadline.
    pub(super) fn change<T>(&mut self, key: Key, change: impl FnOnce(&mut Messengent) -> T) -> Option<T> {
        let tray = self.trays.get_mut(&key)?;
        let (bytes, deadline) = (tray.bytes(), tray.deadline());
        let result = change(tray);
        self.bytes = (self.bytes + tray.bytes()).saturating_sub(bytes);
        if tray.deadline() != deadline {
            self.deadlines.remove(&(deadline, key));
            self.deadlines.insert((tray.deadline(), key));
        }
        Some(result)
    }

    /// Whether those under reassembly have outgrown even what an honest sender may have on its way.
    pub(super) fn is_overfull(&self) -> bool {
        self.bytes > limits::INBOX_BYTES + limits::MESSAGE_MAX
    }

    /// The first message that is due at `now`.
    pub(super) fn next_due(&self, now: Time) -> Option<Key> {
        self.deadlines.first().filter(|(time, _)| *time <= now).map(|(_, key)| *key)
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|(time, _)| *time)
    }

    /// Transaction numbers wrap at 2^32; the one nearest to the highest seen is meant.
    fn widen(&self, ti: u32) -> u64 {
        const TURN: u64 = 1 << 32;
        let near = (self.highest & !(TURN - 1)) | u64::from(ti);
        if near + TURN / 2 < self.highest {
            near + TURN
        } else if near > self.highest + TURN / 2 && near >= TURN {
            near - TURN
        } else {
            near
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_past_the_wrap() {
        let mut inbox = Inbox::default();
        for ti in [0x7fff_fff0, 0xffff_fff0, u32::MAX, 1, 2] {
            assert!(!inbox.is_done(ti), "{ti:x}");
            inbox.on_done(ti);
            assert!(inbox.is_done(ti), "{ti:x}");
        }
        assert!(inbox.is_done(u32::MAX));
        assert!(!inbox.is_done(3));
        assert!(!inbox.is_done(u32::MAX - 1));
    }
}
