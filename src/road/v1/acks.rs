//! The receiving side's acknowledgements: which packets arrived, and when that is to be said.

use std::time::Duration;

use crate::base::Time;
use crate::road::datagram::Mark;
use crate::wire::v1::{Ack, Writer};

/// What is to be acknowledged.
#[derive(Debug, Default)]
pub struct Acks {
    ranges: Vec<(u64, u64)>,
    waiting: u32,
    due: Option<Time>,
    newest: Time,
    delay: Duration,
}

impl Acks {
    /// Nothing yet; held back for `delay` at most.
    pub fn new(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    /// A packet arrived.
    pub fn on_packet(&mut self, now: Time, number: u64, is_eliciting: bool, _mark: Mark) {
        let gap = match self.ranges.first_mut() {
            Some((_, high)) if number == *high + 1 => {
                *high = number;
                false
            }
            _ => {
                let at = self.ranges.partition_point(|(low, _)| *low > number);
                self.ranges.insert(at, (number, number));
                let mut i = at.saturating_sub(1);
                while i + 1 < self.ranges.len() {
                    let (a, b) = (self.ranges.get(i).copied(), self.ranges.get(i + 1).copied());
                    match (a, b) {
                        (Some(a), Some(b)) if b.1 + 1 >= a.0 => {
                            if let Some(range) = self.ranges.get_mut(i) {
                                *range = (b.0, a.1.max(b.1));
                            }
                            self.ranges.remove(i + 1);
                        }
                        _ => i += 1,
                    }
                }
                self.ranges.truncate(64);
                true
            }
        };
        self.newest = now;
        if is_eliciting {
            self.waiting += 1;
            let due = if self.waiting >= 2 || gap { now } else { now + self.delay };
            self.due = Some(self.due.map_or(due, |old| old.min(due)));
        }
    }

    /// Whether an acknowledgement is due.
    pub fn is_due(&self, now: Time) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// When it will be.
    pub fn deadline(&self) -> Option<Time> {
        self.due
    }

    /// Writes it; gives its largest number.
    pub fn write(&mut self, now: Time, out: &mut Writer<'_>) -> Option<u64> {
        let (_, largest) = *self.ranges.first()?;
        let delay = now.since(self.newest).as_micros() as u64;
        if self.due.is_none() || Ack::write_ranges(out, self.ranges.iter().copied(), delay, None) == 0 {
            return None;
        }
        (self.waiting, self.due) = (0, None);
        Some(largest)
    }

    /// An acknowledgement of ours up to `largest` was heard.
    pub fn on_ack_of_ack(&mut self, largest: u64) {
        while self.ranges.len() > 1 && self.ranges.last().is_some_and(|(_, high)| *high < largest) {
            self.ranges.pop();
        }
    }

    /// The round trip; acknowledgements are held back for a part of it.
    pub fn set_delay(&mut self, delay: Duration) {
        self.delay = delay;
    }
}
