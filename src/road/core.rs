//! What all transactions of a road share: who we are, the roll, randomness, the way out. Knows no estate.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::config::{Config, Trust};
use super::stats::{Drop, Stats};
use crate::base::{Acceptance, Random, Time, limits};
use crate::keep::roll::Verdict;
use crate::keep::{Change, OwnKeys, RoleKey, Roll};
use crate::transport::Event;
use crate::wire::v0::{self, FootKind, Head};

/// What a road gives its shell besides datagrams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// For the application.
    Event(Event),
    /// For the disk.
    Keep(Change),
}

/// The shared part of a road.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) keys: OwnKeys,
    pub(crate) roll: Roll,
    pub(crate) random: Random,
    pub(crate) stats: Stats,
    /// The latest time we were told.
    pub(crate) now: Time,
    controls: VecDeque<(SocketAddr, Vec<u8>)>,
    outputs: VecDeque<Output>,
}

/// Control packets that wait for the shell; further ones are dropped like packets on the way.
const CONTROLS: usize = 16_384;

impl Core {
    pub(crate) fn new(config: Config, keys: OwnKeys, roll: Roll, random: Random, now: Time) -> Self {
        let mut core = Self {
            config,
            keys,
            roll,
            random,
            stats: Stats::default(),
            now,
            controls: VecDeque::new(),
            outputs: VecDeque::new(),
        };
        let known: Vec<_> = core.roll.iter().map(|(key, acceptance)| (key.clone(), acceptance)).collect();
        for (key, acceptance) in known {
            core.announce(&key, Some(acceptance));
        }
        core
    }

    /// Our own long-term public keys.
    pub(crate) fn own_key(&self) -> RoleKey {
        self.keys.public(self.config.role.clone())
    }

    /// Writes a control packet for `to`. Kinds we choose (head, and body where unset) are the caller's.
    pub(crate) fn send(&mut self, to: SocketAddr, head: &Head, coat: &[u8]) {
        if self.controls.len() >= CONTROLS {
            self.stats.drop(Drop::Full);
            return;
        }
        let mut out = Vec::with_capacity(256 + coat.len());
        let sign = (head.foot == FootKind::Nacl).then_some(&self.keys.sign);
        v0::write(head, coat, sign, &mut out);
        self.controls.push_back((to, out));
    }

    pub(crate) fn next_control(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.controls.pop_front()
    }

    pub(crate) fn has_controls(&self) -> bool {
        !self.controls.is_empty()
    }

    /// Whether another message may be delivered: the shell reads outputs slower than the road fills them otherwise.
    pub(crate) fn has_room(&self) -> bool {
        self.outputs.len() < limits::OUTPUTS
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(crate) fn keep(&mut self, change: Change) {
        self.outputs.push_back(Output::Keep(change));
    }

    pub(crate) fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn has_outputs(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// What the roll says of a presented key. An unknown one is written down as pending and knocks, if there is room.
    pub(crate) fn judge(&mut self, key: &RoleKey) -> Option<Acceptance> {
        let verdict = self.roll.verdict(key);
        let trust = self.config.trust;
        if verdict != Verdict::Known(Acceptance::Accepted)
            && (trust == Trust::Always || (trust == Trust::Once && verdict == Verdict::Unknown))
        {
            self.decide(key.clone(), Some(Acceptance::Accepted));
            return Some(Acceptance::Accepted);
        }
        match verdict {
            Verdict::Known(acceptance) => Some(acceptance),
            Verdict::Clash => {
                self.clash(key);
                None
            }
            Verdict::Unknown if self.roll.pending() >= limits::PENDING_KEYS => {
                self.stats.drop(Drop::Full);
                None
            }
            Verdict::Unknown => {
                self.decide(key.clone(), Some(Acceptance::Pending));
                self.event(Event::Knock { role: key.role.clone(), fingerprint: key.fingerprint() });
                Some(Acceptance::Pending)
            }
        }
    }

    /// Reports that a known role presented another key.
    pub(crate) fn clash(&mut self, key: &RoleKey) {
        if let Some((known, _)) = self.roll.find(&key.role) {
            let known = known.fingerprint();
            tracing::info!(role = %key.role, %known, presented = %key.fingerprint(), "another key under a known role");
            self.event(Event::Clash { role: key.role.clone(), known, presented: key.fingerprint() });
        }
    }

    /// Writes a decision to the roll and the disk, and tells the application.
    pub(crate) fn decide(&mut self, key: RoleKey, acceptance: Option<Acceptance>) {
        let change = match acceptance {
            Some(acceptance) => Change::Role(key.clone(), acceptance),
            None => Change::DropRole(key.role.clone()),
        };
        if self.learn(key, acceptance) {
            self.keep(change);
        }
    }

    /// Takes over a decision that is on the disk already; says whether it was news.
    pub(crate) fn learn(&mut self, key: RoleKey, acceptance: Option<Acceptance>) -> bool {
        let standing = acceptance.map_or_else(|| "forgotten".to_owned(), |a| a.to_string());
        tracing::debug!(role = %key.role, fingerprint = %key.fingerprint(), %standing, "key");
        self.announce(&key, acceptance);
        match acceptance {
            Some(acceptance) => self.roll.set(key, acceptance),
            None => self.roll.remove(&key.role).is_some(),
        }
    }

    fn announce(&mut self, key: &RoleKey, acceptance: Option<Acceptance>) {
        self.event(Event::Standing { role: key.role.clone(), fingerprint: key.fingerprint(), acceptance });
    }
}
