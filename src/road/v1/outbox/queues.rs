//! Whose turn it is: three classes of messages, each with what waits, what is being sent and what was lost.
//!
//! Classes are strict but for one sixteenth of the bytes, which a lower class is owed while a higher one is sent. Within a
//! class lost pieces go first; new ones in turns of one quantum, short messages and long ones by turns.

use std::collections::VecDeque;
use std::ops::Range;

use crate::road::v1::message::{CLASSES, Outgoing};

/// What waits and whose turn it is. Absent while an outbox is empty.
#[derive(Debug, Default)]
pub(super) struct Queues {
    pub(super) classes: [Class; CLASSES],
    pub(super) recent: Recent,
}

/// One class.
#[derive(Debug, Default)]
pub(super) struct Class {
    /// Messages not begun: those that end within a turn.
    pub(super) short: VecDeque<Outgoing>,
    /// And the others, streams among them.
    pub(super) long: VecDeque<Outgoing>,
    /// Messages begun with bytes not sent yet.
    pub(super) ring: VecDeque<u64>,
    /// The one of them whose turn it is, and what is left of its turn.
    pub(super) current: Option<u64>,
    pub(super) left: u64,
    /// Whether the next turn is a long message's.
    pub(super) is_long_next: bool,
    /// Messages with lost pieces; some may have arrived since.
    pub(super) lost: VecDeque<u64>,
    /// How many of them have pieces to send.
    pub(super) lost_live: usize,
    /// Bytes higher classes sent while this one waited, less sixteen times its own.
    owed: u64,
}

/// The last short urgent messages sent, to be said twice when the session thinks it wise.
#[derive(Debug, Default)]
pub(super) struct Recent {
    ids: [u64; 8],
    count: usize,
}

/// Bytes of one turn: a few packets, so that a short message waits for no more than those of one long one.
pub(super) const QUANTUM: u64 = 8000;
/// Long messages of a class in turn at once; the next one begins when one of them has been sent.
pub(super) const RING: usize = 16;
/// A lower class gets one byte for so many of the higher ones.
const SHARE: u64 = 15;

impl Queues {
    /// The class to send from, among those that `can_send`.
    pub(super) fn pick(&self, can_send: impl Fn(usize, &Class) -> bool) -> Option<usize> {
        let owed = |class: &Class| class.owed >= SHARE * QUANTUM;
        let all = || self.classes.iter().enumerate();
        let starved = all().rev().find(|(i, class)| owed(class) && can_send(*i, class));
        starved.or_else(|| all().find(|(i, class)| can_send(*i, class))).map(|(i, _)| i)
    }

    /// `class` has sent so many bytes.
    pub(super) fn account(&mut self, class: usize, bytes: u64) {
        for (i, other) in self.classes.iter_mut().enumerate().skip(class) {
            if i == class {
                other.owed = other.owed.saturating_sub(SHARE * bytes);
            } else if other.has_any() {
                other.owed = (other.owed + bytes).min(2 * SHARE * QUANTUM);
            }
        }
    }
}

impl Class {
    /// Whether there is anything, credit permitting.
    pub(super) fn has_any(&self) -> bool {
        self.lost_live > 0 || self.has_begun() || !self.short.is_empty() || !self.long.is_empty()
    }

    /// Whether a message begun has bytes not sent yet.
    pub(super) fn has_begun(&self) -> bool {
        self.current.is_some() || !self.ring.is_empty()
    }

    /// A message begun has nothing more to send now.
    pub(super) fn leave(&mut self, id: u64) {
        self.ring.retain(|other| *other != id);
        self.current = self.current.filter(|current| *current != id);
    }

    /// A piece of `id` was lost.
    pub(super) fn lose(&mut self, id: u64) {
        self.lost.push_back(id);
        self.lost_live += 1;
    }

    /// What was lost of one message has arrived, was sent again or is given up.
    pub(super) fn mend(&mut self) {
        self.lost_live = self.lost_live.saturating_sub(1);
        if self.lost_live == 0 {
            self.lost.clear();
        }
    }

    /// Gives empty queues back.
    pub(super) fn rest(&mut self) {
        for queue in [&mut self.short, &mut self.long] {
            queue.shrink_to_fit();
        }
        for queue in [&mut self.ring, &mut self.lost] {
            queue.shrink_to_fit();
        }
    }
}

impl Recent {
    pub(super) fn push(&mut self, ids: Range<u64>) {
        let slots = self.ids.len();
        for id in ids.start.max(ids.end.saturating_sub(slots as u64))..ids.end {
            if let Some(slot) = self.ids.get_mut(self.count % slots) {
                *slot = id;
            }
            self.count += 1;
        }
    }

    /// The ids, oldest first.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> + use<> {
        let (ids, count) = (self.ids, self.count);
        (count.saturating_sub(ids.len())..count).filter_map(move |n| ids.get(n % ids.len()).copied())
    }

    pub(super) fn clear(&mut self) {
        self.count = 0;
    }
}
