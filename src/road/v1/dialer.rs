//! One address we reach: first contact, handshake, session, and again whenever it is lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::handshake::intro::{Question, Refused};
use super::handshake::{Dial, HURRY, Identity, Initiator, Pace, Progress};
use crate::base::{Acceptance, Name, Time, Wall};
use crate::keep::RoleKey;
use crate::road::config::Fast;
use crate::road::core::{Core, Judgement};
use crate::transport::{Event, Refusal};
use crate::wire::v1::Status;

/// An address to be in session with.
pub(super) struct Dialer {
    pub(super) address: SocketAddr,
    stage: Stage,
    /// The key that is or was there.
    pin: Option<RoleKey>,
    /// Keys of the roll that may be there, tried in turn while nobody says who it is.
    tried: usize,
    /// When this try began: after a while without an answer something else is tried.
    since: Time,
    /// When the classic road takes over, unless somebody answers before.
    pub(super) classic_at: Option<Time>,
    /// Anything authentic came since we began to call.
    is_answered: bool,
    /// The key that was introduced and has to prove our enrolment token before it is taken.
    enrols: Option<RoleKey>,
}

enum Stage {
    /// Who are you?
    Ask(Question, Pace),
    /// Our operator has to decide about the key that is there.
    Decide(RoleKey),
    /// The handshake with this role.
    Greet(Box<Initiator>, Name),
    /// A session, by its place in the hall.
    Live(u32),
    /// Nothing, until then.
    Rest(Time),
}

/// How long a lost session rests before it is begun anew, at most: fleets must not march in step.
const REST: Duration = Duration::from_millis(500);
/// How long we wait for our operator before we look again who is there.
const DECIDE: Duration = Duration::from_secs(60);

impl Dialer {
    /// Begins at once.
    pub(super) fn new(address: SocketAddr, now: Time, classic_after: Option<Duration>) -> Self {
        let classic_at = classic_after.map(|wait| now + wait);
        let stage = Stage::Rest(now);
        Self { address, stage, pin: None, tried: 0, since: now, classic_at, is_answered: false, enrols: None }
    }

    /// Its session, if it has one.
    pub(super) fn session(&self) -> Option<u32> {
        match self.stage {
            Stage::Live(session) => Some(session),
            _ => None,
        }
    }

    /// Whether it waits for the session that another way leads to, or led to, with this role.
    pub(super) fn rests_for(&self, role: &Name) -> bool {
        matches!(self.stage, Stage::Rest(_)) && self.role() == Some(role)
    }

    /// The session id that answers to our handshake carry.
    pub(super) fn cid(&self) -> Option<u64> {
        match &self.stage {
            Stage::Greet(initiator, _) => initiator.cid(),
            _ => None,
        }
    }

    /// The role we expect there, or try.
    pub(super) fn role(&self) -> Option<&Name> {
        match &self.stage {
            Stage::Greet(_, role) => Some(role),
            _ => self.pin.as_ref().map(|pin| &pin.role),
        }
    }

    /// The session is over: call again soon.
    pub(super) fn on_left(&mut self, core: &mut Core, classic_after: Option<Duration>) {
        let wait = Duration::from_micros(core.random.below(REST.as_micros() as u64));
        self.since = core.now + wait;
        self.is_answered = false;
        self.classic_at = classic_after.map(|after| core.now + after);
        self.stage = Stage::Rest(self.since);
    }

    /// It is reached by the classic road: leave it alone for a while.
    pub(super) fn rest(&mut self, now: Time, wait: Duration) {
        self.stage = Stage::Rest(now + wait);
        (self.classic_at, self.enrols) = (None, None);
    }

    /// A decision about a role.
    pub(super) fn on_admit(&mut self, core: &Core, role: &Name, acceptance: Option<Acceptance>) {
        let is_accepted = acceptance == Some(Acceptance::Accepted);
        let is_awaited = matches!(&self.stage, Stage::Decide(waiting) if waiting.role == *role);
        if is_awaited && is_accepted {
            self.pin = core.roll.find(role).map(|(key, _)| key.clone());
            self.stage = Stage::Rest(core.now);
        } else if !is_accepted && self.role() == Some(role) {
            (self.pin, self.enrols) = (None, None);
            if matches!(self.stage, Stage::Greet(..)) {
                self.stage = Stage::Rest(core.now);
            }
        }
    }

    /// Takes an answer to our question.
    pub(super) fn on_intro(&mut self, core: &mut Core, settings: &Fast, datagram: &[u8]) {
        let Stage::Ask(question, _) = &self.stage else { return };
        let peer = match question.read(datagram, None) {
            Ok(peer) => peer,
            Err(Refused::Stranger(_) | Refused::Silence(_)) => return,
        };
        self.hear();
        let key = peer.key;
        // Who has a master already is not led to another by a token, which others may hold as well.
        let proves = settings.enrolment.as_ref().is_some_and(|enrolment| enrolment.proves);
        if proves && !core.has_accepted() && core.may_enrol(&key) {
            self.enrols = Some(key);
            self.since = core.now;
            self.stage = Stage::Rest(core.now);
            return;
        }
        match core.judge(&key) {
            Judgement::Accepted => {
                self.pin = Some(key);
                self.since = core.now;
                self.stage = Stage::Rest(core.now);
            }
            Judgement::Pending => self.stage = Stage::Decide(key),
            Judgement::Rejected | Judgement::Clash | Judgement::Full => {
                self.since = core.now + core.config.timers.refused;
                self.stage = Stage::Rest(self.since);
            }
        }
    }

    /// Takes a packet of the handshake.
    pub(super) fn on_datagram(&mut self, now: Time, wall: Wall, datagram: &mut [u8]) -> Option<Progress> {
        let Stage::Greet(initiator, _) = &mut self.stage else { return None };
        let progress = initiator.handle_datagram(now, wall, datagram);
        if !matches!(progress, Progress::Silence(_)) {
            self.hear();
        }
        Some(progress)
    }

    /// Whether the present handshake ends in a key that has proved our token.
    pub(super) fn is_enrolling(&self) -> bool {
        matches!(&self.stage, Stage::Greet(_, role) if self.enrols.as_ref().is_some_and(|key| key.role == *role))
    }

    /// There is a session now.
    pub(super) fn on_session(&mut self, key: RoleKey, session: u32) {
        self.enrols = None;
        self.pin = Some(key);
        self.stage = Stage::Live(session);
    }

    /// Somebody is there on this wire: no classic road.
    fn hear(&mut self) {
        self.is_answered = true;
        self.classic_at = None;
    }

    /// Time has passed.
    pub(super) fn handle_timeout(&mut self, core: &mut Core, identity: &Arc<Identity>, settings: &Fast) {
        let now = core.now;
        match &mut self.stage {
            Stage::Rest(until) if *until <= now => self.begin(core, identity, settings),
            Stage::Ask(..) if self.since + HURRY <= now => self.silent(core, identity, settings, true),
            Stage::Greet(initiator, _) => {
                // After a wait that it asked for, it has its time to answer again.
                if initiator.cid().is_none() {
                    self.since = now;
                }
                initiator.handle_timeout(now);
                if initiator.cid().is_none() {
                    self.since = now;
                } else if self.since + HURRY <= now {
                    self.silent(core, identity, settings, false);
                }
            }
            Stage::Decide(_) if self.since + DECIDE <= now => self.ask(core, settings),
            _ => {}
        }
    }

    /// The datagram that is due.
    pub(super) fn poll_transmit(&mut self, core: &mut Core) -> Option<Vec<u8>> {
        match &mut self.stage {
            Stage::Ask(question, pace) if pace.due() <= core.now => {
                pace.on_sent(core.now, &mut core.random);
                Some(question.datagram())
            }
            Stage::Greet(initiator, _) => initiator.poll_transmit(core.now).map(<[u8]>::to_vec),
            _ => None,
        }
    }

    /// When there is something to send or to do.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        let own = match &self.stage {
            Stage::Ask(_, pace) => Some(pace.due().min(self.since + HURRY)),
            Stage::Decide(_) => Some(self.since + DECIDE),
            Stage::Greet(initiator, _) => {
                let silent = initiator.cid().map(|_| self.since + HURRY);
                initiator.poll_timeout().into_iter().chain(silent).min()
            }
            Stage::Live(_) => None,
            Stage::Rest(until) => Some(*until),
        };
        own.into_iter().chain(self.classic_at).min()
    }

    /// A nudge: the responder has decided, try again at once.
    pub(super) fn on_reset(&mut self, now: Time, cid: u64, token: &[u8; 16]) -> bool {
        let is_called = match &mut self.stage {
            Stage::Greet(initiator, _) => initiator.on_reset(now, cid, token),
            _ => false,
        };
        if is_called {
            self.since = now;
        }
        is_called
    }

    /// With a key, the handshake; without one, the question.
    fn begin(&mut self, core: &mut Core, identity: &Arc<Identity>, settings: &Fast) {
        self.since = core.now;
        let pin = self.enrols.clone().or_else(|| self.pin.clone()).or_else(|| only(core));
        match pin {
            Some(key) => self.greet(core, identity, settings, &key),
            None => self.ask(core, settings),
        }
    }

    fn ask(&mut self, core: &mut Core, settings: &Fast) {
        self.enrols = None;
        self.since = core.now;
        let question = Question::new(&mut core.random, settings.site.as_ref());
        self.stage = Stage::Ask(question, Pace::new(core.now, core.now));
    }

    fn greet(&mut self, core: &mut Core, identity: &Arc<Identity>, settings: &Fast, key: &RoleKey) {
        self.since = core.now;
        let is_enrolling = self.enrols.as_ref().is_some_and(|enrols| enrols.same_keys(key));
        // Once there was a session the token has done its work; the master may have forgotten it.
        let token = settings.enrolment.as_ref().filter(|_| is_enrolling || !core.is_fast_only(&key.role));
        let enrolment = token.map(|enrolment| (enrolment.token.id, enrolment.token.secret.clone()));
        let dial = Dial {
            pin: key.public,
            verify: Some(key.verify),
            role: Some(key.role.clone()),
            suites: settings.suites.clone(),
            parameters: settings.parameters,
            site: settings.site.clone(),
            enrolment,
            must_enrol: is_enrolling,
            early: Vec::new(),
        };
        let initiator = Initiator::new(identity.clone(), dial, core.random.bytes(), core.now);
        self.stage = Stage::Greet(Box::new(initiator), key.role.clone());
    }

    /// Nobody answers: after a handshake in vain look who is there, after a question in vain try the keys we know.
    fn silent(&mut self, core: &mut Core, identity: &Arc<Identity>, settings: &Fast, asked: bool) {
        let by = self.role().map_or_else(|| self.address.to_string(), |role| format!("{role}{}", settings.peers));
        core.event(Event::Refused { by, why: Refusal::Silent });
        let known = asked.then(|| self.next_known(core)).flatten();
        match known {
            Some(key) => self.greet(core, identity, settings, &key),
            None => self.ask(core, settings),
        }
    }

    fn next_known(&mut self, core: &Core) -> Option<RoleKey> {
        let accepted: Vec<RoleKey> =
            core.roll.iter().filter(|(_, a)| *a == Acceptance::Accepted).map(|(key, _)| key.clone()).take(64).collect();
        let next = accepted.get(self.tried % accepted.len().max(1)).cloned();
        self.tried = self.tried.wrapping_add(1);
        next
    }
}

/// The only accepted key of the roll: a minion knows its master.
fn only(core: &Core) -> Option<RoleKey> {
    let mut accepted = core.roll.iter().filter(|(_, acceptance)| *acceptance == Acceptance::Accepted);
    let (key, _) = accepted.next()?;
    accepted.next().is_none().then(|| key.clone())
}

/// What a WELCOME without a session means to the application.
pub(super) fn refusal(status: Status) -> Refusal {
    match status {
        Status::Pending => Refusal::Pending,
        Status::Rejected | Status::Denied => Refusal::Rejected,
        Status::Accepted | Status::Busy => Refusal::Busy,
    }
}
