//! One running job: which minions are awaited, how far each got, and what to do when it is their turn. Owns that state
//! and its patience; sends nothing and knows no other job.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::jid::Jid;
use super::presence::Presence;
use crate::base::{Name, Time};
use crate::transport::Ticket;

/// How long a silent minion may take to say whether a job runs. Twenty times the tenth of a second that one hop through
/// a Salt minion costs (Salt over RAET §1); Salt's own `gather_job_timeout` is 10 s, for answers from a whole fleet.
pub(super) const ROUND: Duration = Duration::from_secs(2);
/// Questions without a good answer before a minion counts as missing.
const STRIKES: u8 = 2;
/// Immediate resends to an estate that is joined and still loses the message; further ones wait for its turn.
const RESENDS: u8 = 3;
/// Rounds whose answers still count.
const ROUNDS_KEPT: usize = 4;

/// The yard that asked for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) yard: Name,
    pub(super) share: Option<Name>,
}

/// How far a job got on its way to a minion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not on its way.
    Unsent,
    /// With the transport.
    Sending(Ticket),
    /// The minion has it.
    Delivered,
}

/// An awaited minion.
#[derive(Debug, Clone)]
pub(super) struct Wait {
    pub(super) stage: Stage,
    /// It was on its way once, and nobody knows whether it arrived.
    lost: bool,
    /// The minion started anew since it was last sent.
    renewed: bool,
    due: Time,
    strikes: u8,
    resends: u8,
}

/// What a failed message means for its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Send it again at once, if the minion is there.
    Again,
    /// Wait for the minion's turn, or its return.
    Later,
    /// It may have run in the minion's earlier life, which nobody remembers: sent again, it could run twice.
    Unknown,
}

/// What to do about an awaited minion whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Send it the job.
    Send,
    /// Ask it whether the job runs.
    Ask,
    /// Give it up, for this reason.
    Missing(&'static str),
}

/// A job with minions to wait for.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) jid: Jid,
    /// `None` once it is gone; the job goes on.
    pub(super) asker: Option<Asker>,
    /// The body of the job's message, the same for every minion.
    pub(super) body: Bytes,
    /// Our questions about this job, newest last.
    pub(super) asks: VecDeque<Jid>,
    pub(super) waits: BTreeMap<Name, Wait>,
    patience: Duration,
    /// When somebody's turn comes.
    pub(super) due: Time,
    /// When the latest round of questions began.
    asked: Time,
}

impl Job {
    /// A job published `now` for `minions`.
    pub(super) fn new(now: Time, jid: Jid, asker: Asker, body: Bytes, patience: Duration, minions: &[Name]) -> Self {
        let due = now + patience;
        let wait = Wait { stage: Stage::Unsent, lost: false, renewed: false, due, strikes: 0, resends: 0 };
        let waits = minions.iter().map(|id| (id.clone(), wait.clone())).collect();
        Self { jid, asker: Some(asker), body, asks: VecDeque::new(), waits, patience, due, asked: now }
    }

    /// The transport took the job for `id`.
    pub(super) fn on_sent(&mut self, id: &Name, ticket: Ticket) {
        if let Some(wait) = self.waits.get_mut(id) {
            wait.stage = Stage::Sending(ticket);
            wait.renewed = false;
        }
    }

    /// The message of `ticket` arrived at `id`.
    pub(super) fn on_delivered(&mut self, id: &Name, ticket: Ticket) {
        if let Some(wait) = self.waits.get_mut(id).filter(|w| w.stage == Stage::Sending(ticket)) {
            wait.stage = Stage::Delivered;
        }
    }

    /// The message of `ticket` did not, or, when it is `lost`, nobody knows.
    pub(super) fn on_lost(&mut self, id: &Name, ticket: Ticket, lost: bool) -> Fate {
        let Some(wait) = self.waits.get_mut(id).filter(|w| w.stage == Stage::Sending(ticket)) else {
            return Fate::Later;
        };
        wait.stage = Stage::Unsent;
        // For good: an attempt that never left does not undo an earlier one that did.
        wait.lost |= lost;
        wait.resends = wait.resends.saturating_add(1);
        match wait.resends {
            _ if lost && wait.renewed => Fate::Unknown,
            ..=RESENDS => Fate::Again,
            _ => Fate::Later,
        }
    }

    /// `id` started anew and remembers no job; says whether it may have had this one, unconfirmed.
    pub(super) fn on_renewed(&mut self, id: &Name) -> bool {
        let Some(wait) = self.waits.get_mut(id) else { return false };
        // What is on its way now fails next; how, tells whether it ever left.
        wait.renewed = true;
        wait.lost && wait.stage != Stage::Delivered
    }

    /// A round of questions about this job, whose answers come under `ask`; gives the round that no longer counts.
    pub(super) fn on_asked(&mut self, ask: Jid) -> Option<Jid> {
        self.asks.push_back(ask);
        if self.asks.len() > ROUNDS_KEPT { self.asks.pop_front() } else { None }
    }

    /// `id` says that the job runs: it has as long again, counted from the round, so that a fleet's turns come together.
    pub(super) fn on_running(&mut self, id: &Name) {
        let due = self.asked + self.patience.max(ROUND);
        if let Some(wait) = self.waits.get_mut(id) {
            wait.strikes = 0;
            wait.due = wait.due.max(due);
        }
    }

    /// What to do about those whose turn has come. Sets the next [`due`](Self::due).
    pub(super) fn on_due(&mut self, now: Time, presence: &Presence) -> Vec<(Name, Step)> {
        let mut steps = Vec::new();
        let mut next: Option<Time> = None;
        for (id, wait) in &mut self.waits {
            if wait.due <= now {
                self.asked = now;
                let step = wait.on_turn(now, id, presence);
                steps.extend(step.map(|step| (id.clone(), step)));
                if matches!(step, Some(Step::Missing(_))) {
                    // The caller removes it.
                    continue;
                }
            }
            next = Some(next.map_or(wait.due, |at| at.min(wait.due)));
        }
        self.due = next.unwrap_or(now);
        steps
    }
}

impl Wait {
    fn on_turn(&mut self, now: Time, id: &Name, presence: &Presence) -> Option<Step> {
        if !presence.is_joined(id) {
            return Some(Step::Missing(match self.stage {
                Stage::Unsent if !self.lost => "it is not connected",
                _ => "lost the connection to it while the job ran",
            }));
        }
        if self.strikes >= STRIKES {
            return Some(Step::Missing(match self.stage {
                Stage::Delivered => "it did not return, and does not say that the job runs",
                _ => "the job could not be brought to it in time",
            }));
        }
        self.strikes += 1;
        self.due = now + ROUND;
        match self.stage {
            Stage::Delivered => Some(Step::Ask),
            Stage::Unsent if presence.is_ready(id) => Some(Step::Send),
            Stage::Unsent | Stage::Sending(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::jid::Jids;
    use super::super::presence::SETTLE;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);
    const SENT: Ticket = Ticket(1);

    struct Setting {
        id: Name,
        job: Job,
        presence: Presence,
    }

    fn setting(joined: bool) -> Setting {
        let id = Name::new("web1").unwrap();
        let asker = Asker { yard: id.clone(), share: None };
        let jid = Jids::default().next(Time(0));
        let job = Job::new(Time(0), jid, asker, Bytes::new(), PATIENCE, std::slice::from_ref(&id));
        let mut presence = Presence::default();
        if joined {
            presence.join(Time(0), &id);
            presence.expire(Time(0) + SETTLE);
        }
        Setting { id, job, presence }
    }

    impl Setting {
        fn due(&mut self) -> Option<Step> {
            let now = self.job.due;
            self.job.on_due(now, &self.presence).pop().map(|(_, step)| step)
        }
    }

    #[test]
    fn silent_minion_is_asked_twice_then_given_up() {
        let mut s = setting(true);
        s.job.on_sent(&s.id, SENT);
        s.job.on_delivered(&s.id, SENT);
        assert_eq!(s.job.due, Time(0) + PATIENCE);
        assert_eq!(s.due(), Some(Step::Ask));
        assert_eq!(s.job.due, Time(0) + PATIENCE + ROUND);
        assert_eq!(s.due(), Some(Step::Ask));
        assert!(matches!(s.due(), Some(Step::Missing(why)) if why.contains("did not return")));
    }

    #[test]
    fn running_minion_has_as_long_again() {
        let mut s = setting(true);
        s.job.on_sent(&s.id, SENT);
        s.job.on_delivered(&s.id, SENT);
        for round in 1..5 {
            assert_eq!(s.job.due, Time(0) + PATIENCE * round);
            assert_eq!(s.due(), Some(Step::Ask));
            s.job.on_running(&s.id);
            assert_eq!(s.due(), None, "the round ends without anybody's turn");
        }
    }

    #[test]
    fn absent_and_lost_minions_are_missing_at_the_deadline() {
        let mut s = setting(false);
        assert!(matches!(s.due(), Some(Step::Missing(why)) if why.contains("not connected")));
        let mut s = setting(true);
        s.job.on_sent(&s.id, SENT);
        assert_eq!(s.job.on_lost(&s.id, SENT, true), Fate::Again);
        s.presence.leave(&s.id);
        assert!(matches!(s.due(), Some(Step::Missing(why)) if why.contains("lost the connection")));
    }

    #[test]
    fn a_lost_message_is_sent_again_at_its_turn() {
        let mut s = setting(true);
        for _ in 0..RESENDS {
            s.job.on_sent(&s.id, SENT);
            assert_eq!(s.job.on_lost(&s.id, SENT, true), Fate::Again);
        }
        s.job.on_sent(&s.id, SENT);
        assert_eq!(s.job.on_lost(&s.id, SENT, true), Fate::Later);
        assert_eq!(s.due(), Some(Step::Send));
    }

    #[test]
    fn what_may_have_arrived_before_a_restart_is_unknown() {
        let mut s = setting(true);
        s.job.on_sent(&s.id, SENT);
        assert!(!s.job.on_renewed(&s.id));
        assert_eq!(s.job.on_lost(&s.id, SENT, false), Fate::Again, "it never left us");
        s.job.on_sent(&s.id, SENT);
        assert!(!s.job.on_renewed(&s.id));
        assert_eq!(s.job.on_lost(&s.id, SENT, true), Fate::Unknown);
        let mut s = setting(true);
        for lost in [true, false] {
            s.job.on_sent(&s.id, SENT);
            assert_eq!(s.job.on_lost(&s.id, SENT, lost), Fate::Again);
        }
        s.job.on_sent(&s.id, SENT);
        assert!(s.job.on_renewed(&s.id), "the first attempt may have arrived");
        s.job.on_delivered(&s.id, SENT);
        assert!(!s.job.on_renewed(&s.id));
    }

    #[test]
    fn an_old_ticket_changes_nothing() {
        let mut s = setting(true);
        s.job.on_sent(&s.id, SENT);
        s.job.on_delivered(&s.id, Ticket(7));
        assert_eq!(s.job.on_lost(&s.id, Ticket(7), true), Fate::Later);
        assert_eq!(s.job.waits[&s.id].stage, Stage::Sending(SENT));
    }
}
