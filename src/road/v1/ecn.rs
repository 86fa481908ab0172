//! Marks of congestion (ECN): whether the path and the peer carry them, and how many the peer saw (RFC 9000 §13.4.2).
//! Owns our side's validation; what we saw ourselves is counted with the acknowledgements.

use super::Verdict;
use crate::wire::v1::Ecn;

/// What a packet's IP head says about congestion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mark {
    /// Not ECN capable.
    #[default]
    None,
    /// ECT(0).
    Ect0,
    /// ECT(1).
    Ect1,
    /// Congestion experienced.
    Ce,
}

/// Validation of one path.
#[derive(Debug, Clone)]
pub struct Marks {
    state: State,
    /// Packets sent as ECT(0).
    sent: u64,
    /// Of these, lost before the path was found capable.
    lost: u64,
    /// The peer's counters in the newest acknowledgement.
    counts: Ecn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first packets are marked.
    Testing,
    /// Enough were; nothing is until their acknowledgements are in.
    Waiting,
    Capable,
    Failed,
}

/// Packets marked before the path has shown that it carries marks.
//= RFC 9000 §A.4: "sets ECT(0) ... on the first ten outgoing packets on a path".
const TESTED: u64 = 10;

impl Marks {
    /// A path nothing is known of.
    pub fn new() -> Self {
        Self { state: State::Testing, sent: 0, lost: 0, counts: Ecn { ect0: 0, ect1: 0, ce: 0 } }
    }

    /// Whether the next packet is to go out as ECT(0).
    pub fn is_marking(&self) -> bool {
        matches!(self.state, State::Testing | State::Capable)
    }

    /// Whether the path is known to carry marks.
    pub fn is_capable(&self) -> bool {
        self.state == State::Capable
    }

    /// A packet went out as ECT(0).
    pub fn on_sent(&mut self) {
        self.sent += 1;
        if self.state == State::Testing && self.sent >= TESTED {
            self.state = State::Waiting;
        }
    }

    /// What an acknowledgement or loss timeout says of marked packets, and the peer's counters in it: how many packets were
    /// newly marked as having met congestion.
    pub fn on_verdict(&mut self, verdict: &Verdict, counts: Option<Ecn>) -> u64 {
        if self.state == State::Failed {
            return 0;
        }
        self.lost += u64::from(verdict.lost_ect);
        if self.state == State::Waiting && self.lost >= self.sent {
            //= RFC 9000 §A.4: all of them lost, "the path is deemed not to support ECN".
            self.state = State::Failed;
            return 0;
        }
        //= RFC 9000 §13.4.2.1: nothing is judged by an acknowledgement that does not raise the largest.
        if !verdict.is_newest {
            return 0;
        }
        let before = self.counts;
        let Some(counts) = counts else {
            if verdict.acked_ect > 0 {
                self.state = State::Failed;
            }
            return 0;
        };
        let (ect0, ce) = (counts.ect0.checked_sub(before.ect0), counts.ce.checked_sub(before.ce));
        let (Some(ect0), Some(ce)) = (ect0, ce) else {
            self.state = State::Failed;
            return 0;
        };
        //= RFC 9000 §13.4.2.1: as many as were acknowledged, no more than were sent, and none of a kind never sent.
        let is_too_few = ect0.saturating_add(ce) < u64::from(verdict.acked_ect);
        let is_too_many = counts.ect0.saturating_add(counts.ce) > self.sent;
        if is_too_few || is_too_many || counts.ect1 > 0 {
            self.state = State::Failed;
            return 0;
        }
        self.counts = counts;
        if verdict.acked_ect > 0 {
            self.state = State::Capable;
        }
        ce
    }
}

impl Default for Marks {
    fn default() -> Self {
        Self::new()
    }
}
