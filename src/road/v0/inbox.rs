//! Messages from one estate: those under reassembly, and which transactions of the session are over.

use std::collections::BTreeMap;

use super::messengent::Messengent;
use crate::base::ranges::Ranges;
use crate::base::{Time, limits};

/// The way in from one estate.
pub(crate) struct Inbox {
    /// By transaction number.
    pub(super) trays: BTreeMap<u32, Messengent>,
    done: Ranges,
    /// The highest transaction seen, counted on past 2^32.
    highest: u64,
    /// Bytes under reassembly.
    pub(super) bytes: usize,
}

/// Gaps between finished transactions we tell apart: joins, alives and messages still on their way.
const GAPS: usize = 1024;

impl Default for Inbox {
    fn default() -> Self {
        Self { trays: BTreeMap::new(), done: Ranges::new(GAPS), highest: 0, bytes: 0 }
    }
}

impl Inbox {
    /// A new session, or none: nothing of the old one counts.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Drops what is under reassembly: its sender has a newer session.
    pub(crate) fn drop_trays(&mut self) {
        self.trays.clear();
        self.bytes = 0;
    }

    /// Whether this transaction was delivered in this session.
    pub(super) fn is_done(&self, ti: u32) -> bool {
        self.done.contains(self.widen(ti))
    }

    pub(super) fn on_done(&mut self, ti: u32) {
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
        self.bytes = self.bytes.saturating_sub(tray.bytes());
        Some(tray)
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        // Few at a time, and none on an idle estate.
        self.trays.values().map(Messengent::deadline).min()
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
