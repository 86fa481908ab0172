//! What a session counts: for statistics and the operator's table, never for decisions.

use super::sent::Verdict;
use crate::base::Time;

/// Counters of one session since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// When the session began.
    pub since: Time,
    /// Datagrams in and out.
    pub datagrams_in: u64,
    /// Datagrams out.
    pub datagrams_out: u64,
    /// Bytes in, heads included.
    pub bytes_in: u64,
    /// Bytes out, heads included.
    pub bytes_out: u64,
    /// Messages delivered to us.
    pub messages_in: u64,
    /// Messages the peer has.
    pub messages_out: u64,
    /// Casts of the peer's.
    pub casts_in: u64,
    /// Casts sent.
    pub casts_out: u64,
    /// Casts that gave way, in either direction.
    pub casts_dropped: u64,
    /// Packets declared lost.
    pub lost: u64,
    /// Of those, packets that had arrived after all.
    pub spurious: u64,
    /// Probe timeouts.
    pub timeouts: u64,
    /// Times the keys were made afresh.
    pub renewals: u64,
    /// Times the peer's address changed.
    pub moves: u64,
}

impl Tally {
    pub(super) fn new(now: Time) -> Self {
        Self { since: now, ..Self::default() }
    }

    pub(super) fn on_verdict(&mut self, verdict: &Verdict) {
        self.lost += u64::from(verdict.lost_packets);
        self.spurious += u64::from(verdict.spurious);
    }
}
