//! Messages from one estate: those under reassembly, and which transactions of the session are over.

use std::collections::{BTreeMap, BTreeSet};

use super::messengent::Messengent;
use crate::base::ranges::Ranges;
use crate::base::{Time, limits};

/// The way in from one estate.
pub(crate) struct Inbox {
    /// By transaction number.
    trays: BTreeMap<u32, Messengent>,
    /// When each of them is due.
    deadlines: BTreeSet<(Time, u32)>,
    done: Ranges,
    /// The highest transaction seen, counted on past 2^32.
    highest: u64,
    /// Bytes under reassembly.
    bytes: usize,
}

/// Gaps between finished transactions we tell apart: joins, and messages still on their way. A sender with more of them
/// than this on its way, every second one lost, would be told that the oldest has arrived; ours has 60.
const GAPS: usize = 8192;

impl Default for Inbox {
    fn default() -> Self {
        Self { trays: BTreeMap::new(), deadlines: BTreeSet::new(), done: Ranges::new(GAPS), highest: 0, bytes: 0 }
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

    pub(crate) fn on_done(&mut self, ti: u32) {
        let wide = self.widen(ti);
        self.highest = self.highest.max(wide);
        self.done.insert(wide);
    }

    /// Whether another message may be taken up for reassembly.
    pub(super) fn has_room(&self) -> bool {
        self.trays.len() < limits::INBOX_MESSAGES && self.bytes < limits::INBOX_BYTES
    }

    pub(super) fn remove(&mut self, ti: u32) -> Option<Messengent> {
        let tray = self.trays.remove(&ti)?;
        self.deadlines.remove(&(tray.deadline(), ti));
        self.bytes = self.bytes.saturating_sub(tray.bytes());
        Some(tray)
    }

    pub(super) fn contains(&self, ti: u32) -> bool {
        self.trays.contains_key(&ti)
    }

    pub(super) fn find(&self, ti: u32) -> Option<&Messengent> {
        self.trays.get(&ti)
    }

    pub(super) fn insert(&mut self, ti: u32, tray: Messengent) {
        self.remove(ti);
        self.deadlines.insert((tray.deadline(), ti));
        self.bytes += tray.bytes();
        self.trays.insert(ti, tray);
    }

    /// Lets `change` work on a message, and keeps count of its bytes and its deadline.
    pub(super) fn change<T>(&mut self, ti: u32, change: impl FnOnce(&mut Messengent) -> T) -> Option<T> {
        let tray = self.trays.get_mut(&ti)?;
        let (bytes, deadline) = (tray.bytes(), tray.deadline());
        let result = change(tray);
        self.bytes = (self.bytes + tray.bytes()).saturating_sub(bytes);
        if tray.deadline() != deadline {
            self.deadlines.remove(&(deadline, ti));
            self.deadlines.insert((tray.deadline(), ti));
        }
        Some(result)
    }

    /// Whether those under reassembly have outgrown even what an honest sender may have on its way.
    pub(super) fn is_overfull(&self) -> bool {
        self.bytes > limits::INBOX_BYTES + limits::MESSAGE_MAX
    }

    /// The first message that is due at `now`.
    pub(super) fn next_due(&self, now: Time) -> Option<u32> {
        self.deadlines.first().filter(|(time, _)| *time <= now).map(|(_, ti)| *ti)
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
