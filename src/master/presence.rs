//! Who is there. Owns the joined estates and the moment each may first be given a job.
//!
//! A minion of Salt 2018.3.5 asks for its pillar half a second after it joined and takes the next message, whatever it
//! is, for the answer (Salt over RAET §3). So a newcomer gets no job until it has an answer from us, or until it is
//! plain that it asks nothing. The same holds while it asks anew, and when it is about to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::base::{Name, Time};

/// How long a newcomer may take to ask: four times the pause Salt makes before its pillar request.
pub(super) const SETTLE: Duration = Duration::from_secs(2);

/// How long one may take that is about to ask anew: ten rounds of a Salt minion's loop, where it needs two.
const REFRESH: Duration = Duration::from_secs(1);

/// The joined estates.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// What each is waited for; `None`: it is settled.
    joined: BTreeMap<Name, Option<Wait>>,
    settling: BTreeSet<(Time, Name)>,
    /// Those who wait for an answer and take any message for it.
    blocked: BTreeSet<Name>,
}

/// A time in which an estate is given no job.
#[derive(Debug, Clone, Copy)]
struct Wait {
    /// When it ends at the latest.
    until: Time,
    /// Whether an answer of any kind ends it: a Salt minion that is new asks for nothing before its pillar.
    is_new: bool,
}

impl Presence {
    /// An estate joined; says whether it was away.
    pub(super) fn join(&mut self, now: Time, peer: &Name) -> bool {
        let away = !self.leave(peer);
        self.wait(peer, Wait { until: now + SETTLE, is_new: true });
        away
    }

    /// An estate left; says whether it was there.
    pub(super) fn leave(&mut self, peer: &Name) -> bool {
        self.settle(peer);
        self.blocked.remove(peer);
        self.joined.remove(peer).is_some()
    }

    /// An estate is about to ask anew.
    pub(super) fn expect(&mut self, now: Time, peer: &Name) {
        if self.is_ready(peer) {
            self.wait(peer, Wait { until: now + REFRESH, is_new: false });
        }
    }

    fn wait(&mut self, peer: &Name, wait: Wait) {
        self.joined.insert(peer.clone(), Some(wait));
        self.settling.insert((wait.until, peer.clone()));
    }

    /// An estate takes the next message for an answer: it may be given no job until [`unblock`](Self::unblock).
    pub(super) fn block(&mut self, peer: &Name) {
        if self.joined.contains_key(peer) {
            self.settle(peer);
            self.blocked.insert(peer.clone());
        }
    }

    /// It has its answer; says whether it may be given jobs only from now on.
    pub(super) fn unblock(&mut self, peer: &Name) -> bool {
        self.blocked.remove(peer)
    }

    /// An estate has an answer from us, its pillar or another; says whether it may be given jobs only from now on.
    pub(super) fn answered(&mut self, peer: &Name, is_pillar: bool) -> bool {
        let wait = self.joined.get(peer).copied().flatten();
        wait.is_some_and(|wait| wait.is_new || is_pillar) && self.settle(peer)
    }

    fn settle(&mut self, peer: &Name) -> bool {
        let Some(wait) = self.joined.get_mut(peer).and_then(Option::take) else { return false };
        self.settling.remove(&(wait.until, peer.clone()))
    }

    /// Those who may be given jobs from `now` on.
    pub(super) fn expire(&mut self, now: Time) -> Vec<Name> {
        let mut ready = Vec::new();
        while let Some((at, peer)) = self.settling.first().cloned()
            && at <= now
        {
            self.settle(&peer);
            ready.push(peer);
        }
        ready
    }

    /// When to call [`expire`](Self::expire).
    pub(super) fn deadline(&self) -> Option<Time> {
        self.settling.first().map(|(at, _)| *at)
    }

    pub(super) fn is_joined(&self, peer: &Name) -> bool {
        self.joined.contains_key(peer)
    }

    /// Whether it is there and may be given jobs.
    pub(super) fn is_ready(&self, peer: &Name) -> bool {
        self.joined.get(peer).is_some_and(Option::is_none) && !self.blocked.contains(peer)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Name> {
        self.joined.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomers_settle_by_an_answer_or_by_time() {
        let [one, two] = ["one", "two"].map(|n| Name::new(n).unwrap());
        let mut presence = Presence::default();
        assert!(presence.join(Time(0), &one));
        assert!(presence.join(Time(5), &two));
        assert!(presence.is_joined(&one) && !presence.is_ready(&one));
        assert!(presence.answered(&one, false) && !presence.answered(&one, false));
        assert!(presence.is_ready(&one));
        let at = Time(5) + SETTLE;
        assert_eq!(presence.deadline(), Some(at));
        assert_eq!(presence.expire(Time(at.0 - 1)), []);
        assert_eq!(presence.expire(at), std::slice::from_ref(&two));
        assert!(!presence.join(at, &two), "it was there");
        assert!(!presence.is_ready(&two));
        assert!(presence.leave(&two) && !presence.leave(&two));
        assert_eq!(presence.deadline(), None);
    }

    #[test]
    fn one_that_takes_anything_for_an_answer_waits_for_it() {
        let one = Name::new("one").unwrap();
        let mut presence = Presence::default();
        presence.block(&one);
        presence.join(Time(0), &one);
        presence.block(&one);
        assert_eq!((presence.deadline(), presence.is_ready(&one)), (None, false), "time alone does not make it ready");
        assert!(!presence.answered(&one, false) && !presence.is_ready(&one), "nor does another answer");
        assert!(presence.unblock(&one) && !presence.unblock(&one) && presence.is_ready(&one));
        presence.expect(Time(0), &one);
        assert!(!presence.answered(&one, false), "not its pillar");
        assert_eq!((presence.is_ready(&one), presence.deadline()), (false, Some(Time(0) + REFRESH)));
        presence.block(&one);
        assert_eq!(presence.deadline(), None);
        presence.leave(&one);
        presence.join(Time(1), &one);
        assert!(presence.answered(&one, false) && presence.is_ready(&one), "a new session begins anew");
    }
}
