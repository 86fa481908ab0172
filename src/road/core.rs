//! What all transactions of a road share: who we are, the roll, randomness, the way out. Knows no estate.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use super::config::Config;
use super::grumble::{About, Grumbles};
use super::outputs::{Output, Outputs, Run};
use super::send::Headings;
use super::stats::{Drop, Stats};
use crate::base::{Acceptance, Name, Random, Time, limits};
use crate::keep::journal::Kind;
use crate::keep::roll::Verdict;
use crate::keep::{Change, Note, OwnKeys, RoleKey, Roll, Trouble, Wire};
use crate::transport::Event;
use crate::wire::v0::{self, BodyKind, FootKind, Head, outgoing};

/// The shared part of a road.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) keys: OwnKeys,
    pub(crate) roll: Roll,
    pub(crate) random: Random,
    pub(crate) stats: Stats,
    pub(crate) headings: Headings,
    /// What all estates' messages take.
    pub(crate) held: Held,
    /// The latest time we were told.
    pub(crate) now: Time,
    controls: VecDeque<(SocketAddr, Vec<u8>)>,
    outputs: Outputs,
    /// When the application was told something last.
    told: Time,
    /// Tickets of the fast wire answered, and streams whose buffers have room again.
    pub(crate) answered: u64,
    /// How many roles the roll has, and how many of them are pending.
    known: usize,
    pending: usize,
    /// When a clash of a known role was last said.
    clashes: BTreeMap<Name, Time>,
    /// Roles that were seen on the fast wire: nobody leads us back to the classic one by dropping packets.
    fast: BTreeSet<Name>,
    /// What was said of those who are kept out.
    grumbles: Grumbles,
    /// Estates that have just come over the fast wire.
    pub(crate) superseded: Vec<Name>,
}

/// Bytes of messages, by their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Held {
    /// Waiting or in flight.
    pub(crate) going: usize,
    /// Under reassembly.
    pub(crate) coming: usize,
}

/// What becomes of an estate that presents a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It may join.
    Accepted,
    /// It waits.
    Pending,
    /// It is told so.
    Rejected,
    /// It has another key than its role is known with.
    Clash,
    /// There is no room to remember it: silence.
    Full,
}

/// Time between two reports of a clash of one role.
const CLASH_REST: Duration = Duration::from_secs(10);

/// Control packets that wait for the shell; further ones are dropped like packets on the way.
const CONTROLS: usize = 16_384;

impl Core {
    pub(crate) fn new(mut config: Config, keys: OwnKeys, roll: Roll, random: Random, now: Time) -> Self {
        if matches!(config.body_kind, BodyKind::Nada | BodyKind::Raw) {
            // No map has these kinds, and 0.6.8 raises on a message that says so.
            config.body_kind = BodyKind::Msgpack;
        }
        let mut core = Self {
            config,
            keys,
            roll,
            random,
            stats: Stats::default(),
            headings: Headings::default(),
            held: Held::default(),
            now,
            controls: VecDeque::new(),
            outputs: Outputs::default(),
            told: now,
            answered: 0,
            known: 0,
            pending: 0,
            clashes: BTreeMap::new(),
            fast: BTreeSet::new(),
            grumbles: Grumbles::default(),
            superseded: Vec::new(),
        };
        core.known = core.roll.iter().count();
        core.pending = core.roll.pending();
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
        if let Err(why) = outgoing::check(head, coat) {
            // Whoever wrote it was wrong, and the far side may be one that such a packet ends.
            tracing::error!(%to, ?head, "not sent: {why}");
            return self.stats.drop(Drop::Unfit);
        }
        let mut out = Vec::with_capacity(256 + coat.len());
        let sign = (head.foot == FootKind::Nacl).then_some(&self.keys.sign);
        v0::write(head, coat, sign, &mut out);
        self.controls.push_back((to, out));
    }

    /// A datagram that is written already.
    pub(crate) fn send_raw(&mut self, to: SocketAddr, datagram: Vec<u8>) {
        if self.controls.len() >= CONTROLS {
            return self.stats.drop(Drop::Full);
        }
        self.controls.push_back((to, datagram));
    }

    /// A role has a session on the fast wire: from now on it never has one on the classic.
    pub(crate) fn note_fast(&mut self, role: &Name) {
        if !self.fast.contains(role) && self.fast.len() < limits::ESTATES {
            self.fast.insert(role.clone());
            self.keep(Change::Fast(role.clone()));
        }
    }

    /// Roles an earlier process saw on the fast wire.
    pub(crate) fn remember_fast(&mut self, roles: impl IntoIterator<Item = Name>) {
        self.fast.extend(roles);
    }

    /// Whether a role is to be spoken to on the fast wire only.
    pub(crate) fn is_fast_only(&self, role: &Name) -> bool {
        self.fast.contains(role)
    }

    pub(crate) fn next_control(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.controls.pop_front()
    }

    pub(crate) fn has_controls(&self) -> bool {
        !self.controls.is_empty()
    }

    /// Whether another message may be delivered: the shell reads outputs slower than the road fills them otherwise.
    pub(crate) fn has_room(&self) -> bool {
        let waiting = self.outputs.bytes();
        let is_slow = waiting > 0 && waiting + self.held.coming >= self.config.bytes;
        self.outputs.len() < limits::OUTPUTS && !is_slow
    }

    /// Whether another cast may be delivered: an eighth of what messages may take.
    pub(crate) fn has_room_for_casts(&self) -> bool {
        self.outputs.len() < limits::OUTPUTS / 8 && self.outputs.bytes() <= self.config.bytes / 8
    }

    /// Whether the shell has read so much that messages that were held back may come again.
    pub(crate) fn has_much_room(&self) -> bool {
        self.outputs.len() < limits::OUTPUTS / 2 && self.outputs.bytes() <= self.config.bytes / 2
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.told = self.now;
        if let Event::Delivered { .. } | Event::Failed { .. } = &event {
            self.answered += 1;
        }
        match event {
            Event::Delivered { ticket } => self.outputs.delivered(ticket),
            event => self.outputs.push(Output::Event(event)),
        }
    }

    /// Messages that came together.
    pub(crate) fn received(&mut self, run: Run) {
        self.told = self.now;
        self.outputs.received(run);
    }

    pub(crate) fn keep(&mut self, change: Change) {
        self.outputs.push(Output::Keep(change));
    }

    /// An estate of this role is there now.
    pub(crate) fn met(&mut self, role: &Name, wire: Wire, from: SocketAddr) {
        self.outputs.push(Output::Note(Note::Met { role: role.clone(), wire, from }));
    }

    /// Somebody is kept out: said for the operator, now and then.
    pub(crate) fn trouble(&mut self, kind: Kind, role: Option<&Name>, from: SocketAddr) {
        let about = role.map_or(About::Host(from.ip()), |role| About::Role(role.clone()));
        if self.grumbles.may(self.now, kind.number(), about) {
            let trouble = Trouble { kind, role: role.cloned(), from: Some(from) };
            self.outputs.push(Output::Note(Note::Trouble(trouble)));
        }
    }

    /// Gives the queues' memory back where nothing has passed through them for a while.
    pub(crate) fn rest(&mut self, quiet: Duration) {
        if self.outputs.len() == 0 && self.controls.is_empty() && self.now.since(self.told) >= quiet {
            (self.outputs, self.controls) = (Outputs::default(), VecDeque::new());
        }
    }

    #[inline]
    pub(crate) fn next_output(&mut self) -> Option<Output> {
        self.outputs.next()
    }

    pub(crate) fn has_outputs(&self) -> bool {
        self.outputs.len() > 0
    }

    /// What the roll says of a presented key (wire v0 §6). An unknown one is written down and knocks, if there is room.
    pub(crate) fn judge(&mut self, key: &RoleKey) -> Judgement {
        let verdict = self.roll.verdict(key);
        let is_trusted = self.config.trust.lets_in(verdict);
        match verdict {
            Verdict::Known(Acceptance::Accepted) => Judgement::Accepted,
            // Strangers are many: what is written down for them has an end, and beyond it they get silence.
            Verdict::Unknown if self.known >= limits::ESTATES => self.full(),
            Verdict::Unknown if !is_trusted && self.pending >= limits::PENDING_KEYS => self.full(),
            // Not written down yet: a join proves nothing, and whoever claims a name first must not keep it for that.
            _ if is_trusted => Judgement::Accepted,
            Verdict::Known(Acceptance::Pending) => Judgement::Pending,
            Verdict::Known(Acceptance::Rejected) => Judgement::Rejected,
            Verdict::Clash => {
                self.clash(key);
                Judgement::Clash
            }
            Verdict::Unknown => {
                self.decide(key.clone(), Some(Acceptance::Pending));
                self.event(Event::Knock { role: key.role.clone(), fingerprint: key.fingerprint() });
                Judgement::Pending
            }
        }
    }

    /// A handshake has proved this key: if it was let in on trust, it is written down now. Says whether it is accepted.
    pub(crate) fn confirm(&mut self, key: &RoleKey) -> bool {
        let verdict = self.roll.verdict(key);
        if verdict == Verdict::Known(Acceptance::Accepted) {
            return true;
        }
        let is_trusted = self.config.trust.lets_in(verdict);
        if is_trusted {
            self.decide(key.clone(), Some(Acceptance::Accepted));
        }
        is_trusted
    }

    /// Whether the roll has let in just this key for its role.
    pub(crate) fn is_accepted(&self, key: &RoleKey) -> bool {
        self.roll.verdict(key) == Verdict::Known(Acceptance::Accepted)
    }

    /// Accepts a key about which nobody has decided: its holder has proved an enrolment token. Says whether it was news.
    pub(crate) fn enrol(&mut self, key: &RoleKey) -> bool {
        let is_open = self.may_enrol(key);
        if is_open {
            self.decide(key.clone(), Some(Acceptance::Accepted));
        }
        is_open
    }

    /// Whether nobody has decided about a key, and there is room for it.
    pub(crate) fn may_enrol(&self, key: &RoleKey) -> bool {
        match self.roll.verdict(key) {
            Verdict::Unknown => self.known < limits::ESTATES,
            Verdict::Known(acceptance) => acceptance == Acceptance::Pending,
            // Whoever knocked first under a name has shown nothing yet; a token has.
            Verdict::Clash => self.roll.is_undecided(&key.role),
        }
    }

    /// Whether any key is accepted.
    pub(crate) fn has_accepted(&self) -> bool {
        self.roll.iter().any(|(_, acceptance)| acceptance == Acceptance::Accepted)
    }

    /// Whether the roll holds just this key for its role.
    pub(crate) fn is_on_roll(&self, key: &RoleKey) -> bool {
        self.roll.find(&key.role).is_some_and(|(known, _)| known.same_keys(key))
    }

    fn full(&mut self) -> Judgement {
        self.stats.drop(Drop::Full);
        Judgement::Full
    }

    /// Reports that a known role presented another key; not with every packet of whoever repeats it.
    pub(crate) fn clash(&mut self, key: &RoleKey) {
        let Some((known, _)) = self.roll.find(&key.role) else { return };
        if self.clashes.get(&key.role).is_some_and(|said| self.now.since(*said) < CLASH_REST) {
            return;
        }
        let known = known.fingerprint();
        tracing::info!(role = %key.role, %known, presented = %key.fingerprint(), "another key under a known role");
        self.clashes.insert(key.role.clone(), self.now);
        self.event(Event::Clash { role: key.role.clone(), known, presented: key.fingerprint() });
        let trouble = Trouble::clash(key.role.clone(), known, key.fingerprint());
        if self.grumbles.may(self.now, trouble.kind.number(), About::Role(key.role.clone())) {
            self.outputs.push(Output::Note(Note::Trouble(trouble)));
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
        let before = self.roll.find(&key.role).map(|(_, standing)| standing);
        self.known = self.known + usize::from(acceptance.is_some()) - usize::from(before.is_some());
        self.pending = self.pending + usize::from(acceptance == Some(Acceptance::Pending))
            - usize::from(before == Some(Acceptance::Pending));
        match acceptance {
            Some(acceptance) => self.roll.set(key, acceptance),
            None => {
                self.clashes.remove(&key.role);
                self.fast.remove(&key.role);
                self.roll.remove(&key.role).is_some()
            }
        }
    }

    fn announce(&mut self, key: &RoleKey, acceptance: Option<Acceptance>) {
        self.event(Event::Standing { role: key.role.clone(), fingerprint: key.fingerprint(), acceptance });
    }
}
