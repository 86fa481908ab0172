//! The asking side of one handshake: Hello, Cookie, Initiate, WELCOME, again and again until there is a session.

use std::time::Duration;

use super::applicant::{enrolled, enrolment};
use super::identity::{Identity, Peer};
use super::mac::Mac;
use super::pace::{HURRY, Pace, jitter};
use super::{Established, Keys, Seen, Silence, begin, choose, codes};
use crate::base::{Name, Random, Time, Wall};
use crate::keep::RoleKey;
use crate::nacl::{Direction, KeyPair, PublicKey, Secret, SecretKey, Suite, Symmetric, VerifyKey, derive};
use crate::wire::v1::handshake::{Cookie, Head, Hello, Initiate, Kind, Retry, Versions};
use crate::wire::v1::{
    DataHead, Enrolment, Frame, Frames, Initiation, Offers, Packet, Parameters, Status, VERSION, Welcome,
};

/// Whom to reach, and what to say.
#[derive(Debug, Clone)]
pub struct Dial {
    /// The responder's key: nobody else can answer.
    pub pin: PublicKey,
    /// Its Ed25519 key, where that is pinned as well.
    pub verify: Option<VerifyKey>,
    /// Its role, where that is known with both keys: then they were bound to each other when they were learnt.
    pub role: Option<Name>,
    /// Suites, best first.
    pub suites: Vec<Suite>,
    /// What we grant.
    pub parameters: Parameters,
    /// A secret only this site knows.
    pub site: Option<Secret>,
    /// An enrolment token's id and secret.
    pub enrolment: Option<([u8; 16], Secret)>,
    /// Whether the responder has to prove that it knows the token as well: it is not known otherwise.
    pub must_enrol: bool,
    /// Frames to ride in the Initiate: only such as may be heard twice.
    pub early: Vec<u8>,
}

/// What came of a datagram.
#[derive(Debug)]
pub enum Progress {
    /// Nothing; no state has changed.
    Silence(Silence),
    /// One step further; there is something to send.
    Stepped,
    /// A session.
    Established(Box<Established>),
    /// No session for now; tried again by itself.
    Waiting {
        /// Why.
        status: Status,
        /// How long.
        wait: Duration,
    },
    /// The responder itself cannot be believed; tried again much later. Say it loud.
    Fault(Fault),
}

/// What is wrong with a responder that holds the right key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It has a better suite than the one we were led to.
    #[error("somebody between changed what was offered")]
    Downgraded,
    /// Its Ed25519 key or role is not what it signed, or not what is pinned.
    #[error("its identity does not hold together")]
    Stranger,
    /// It accepted our enrolment without knowing the token.
    #[error(
        "it does not know the enrolment token, which may have expired; make another with `estate-keys token new`, or set its key with master_finger"
    )]
    Unproven,
    /// It says what cannot be read.
    #[error("its welcome is malformed")]
    Malformed,
}

/// The asking side of one handshake.
#[derive(Debug)]
pub struct Initiator {
    identity: std::sync::Arc<Identity>,
    dial: Dial,
    mac: Mac,
    random: Random,
    /// Which of our suites the present attempt is for.
    suite: Suite,
    /// When a Versions packet was last followed.
    switched: Option<Time>,
    state: State,
}

#[derive(Debug)]
enum State {
    Hello(Box<Greeting>),
    Initiate(Box<Proof>),
    /// Until then, or until the responder says with this session id and token that it has decided.
    Waiting(Time, Option<(u64, [u8; 16])>),
    Done,
}

#[derive(Debug)]
struct Greeting {
    pace: Pace,
    symmetric: Symmetric,
    ephemeral: KeyPair,
    hello: Hello,
    datagram: Vec<u8>,
    /// When a Retry was last followed.
    retried: Option<Time>,
}

#[derive(Debug)]
struct Proof {
    pace: Pace,
    head: Head,
    keys: Keys,
    hash: [u8; 32],
    datagram: Vec<u8>,
}

/// Bounds of the wait that a WELCOME asks for (handshake v1 "States").
const PENDING: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(600));
const REFUSED: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(3600));
const BUSY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Retries and Versions are followed at most this often: their tag keeps strangers out, not those who see our hellos.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// Our first packet number.
const FIRST_NUMBER: u64 = 0;
/// No packet of an ended epoch can come before there is a second one.
const NO_TIMEOUT: Duration = Duration::ZERO;

impl Initiator {
    /// Begins at `now`; the first Hello is due at once. `seed` must come from the operating system outside of tests.
    pub fn new(identity: std::sync::Arc<Identity>, dial: Dial, seed: [u8; 32], now: Time) -> Self {
        let mac = Mac::new(dial.pin.as_bytes(), dial.site.as_ref());
        let (random, suite) = (Random::new(seed), Suite::Nacl);
        let mut initiator = Self { identity, dial, mac, random, suite, switched: None, state: State::Done };
        initiator.start(now, now);
        initiator
    }

    /// Our session id in the present attempt: answers carry it.
    pub fn cid(&self) -> Option<u64> {
        match &self.state {
            State::Hello(greeting) => Some(greeting.hello.head.cid),
            State::Initiate(proof) => Some(proof.head.cid),
            State::Waiting(..) | State::Done => None,
        }
    }

    /// The responder calls: whatever it turned us away for is decided. Says whether it was called in truth.
    pub fn on_reset(&mut self, now: Time, cid: u64, token: &[u8; 16]) -> bool {
        let State::Waiting(_, Some((ours, expected))) = &self.state else { return false };
        if *ours != cid || !derive::same(token, expected) {
            return false;
        }
        self.start(now, now);
        true
    }

    /// Takes a datagram from the responder's address; data packets are opened in place.
    pub fn handle_datagram(&mut self, now: Time, wall: Wall, datagram: &mut [u8]) -> Progress {
        let read = Packet::read(datagram);
        let result = match (read, &self.state) {
            (Ok(Packet::Cookie(cookie)), State::Hello(_)) => self.on_cookie(now, wall, &cookie),
            (Ok(Packet::Retry(retry)), State::Hello(_)) => self.on_retry(now, &retry),
            (Ok(Packet::Versions(versions)), State::Hello(_)) => self.on_versions(now, &versions),
            (Ok(Packet::Data(head)), State::Initiate(_)) => self.on_data(now, &head, datagram),
            (Ok(_), _) => Err(Silence::Unexpected),
            (Err(malformed), _) => Err(malformed.into()),
        };
        result.unwrap_or_else(Progress::Silence)
    }

    /// Time has passed: a wait may be over, or an Initiate too old.
    pub fn handle_timeout(&mut self, now: Time) {
        match &self.state {
            State::Waiting(until, _) if *until <= now => self.start(now, now),
            // The cookie may have expired, or the responder forgotten its minute keys.
            State::Initiate(proof) if proof.pace.since() + HURRY <= now => self.start(proof.pace.since(), now),
            _ => {}
        }
    }

    /// The datagram that is due, if one is.
    pub fn poll_transmit(&mut self, now: Time) -> Option<&[u8]> {
        let (pace, datagram) = match &mut self.state {
            State::Hello(greeting) => (&mut greeting.pace, &greeting.datagram),
            State::Initiate(proof) => (&mut proof.pace, &proof.datagram),
            State::Waiting(..) | State::Done => return None,
        };
        if pace.due() > now {
            return None;
        }
        pace.on_sent(now, &mut self.random);
        Some(datagram)
    }

    /// When there is something to send or to do.
    pub fn poll_timeout(&self) -> Option<Time> {
        match &self.state {
            State::Hello(greeting) => Some(greeting.pace.due()),
            State::Initiate(proof) => Some(proof.pace.due().min(proof.pace.since() + HURRY)),
            State::Waiting(until, _) => Some(*until),
            State::Done => None,
        }
    }

    /// A new attempt with the suite we like best: whoever led us to another has not led us to a session.
    fn start(&mut self, since: Time, now: Time) {
        self.suite = self.dial.suites.first().copied().unwrap_or(Suite::Nacl);
        self.attempt(since, now);
    }

    /// A new attempt with fresh keys, in a hurry since `since`.
    fn attempt(&mut self, since: Time, now: Time) {
        let ephemeral = KeyPair::new(SecretKey::from_bytes(self.random.bytes()));
        let public = *ephemeral.public();
        let head = Head::new(Kind::Hello, self.suite.code(), self.random.number());
        let mut symmetric = begin(&head, self.dial.pin.as_bytes(), &public);
        let features = ephemeral.agree(self.dial.pin.as_bytes()).and_then(|shared| {
            symmetric.mix_key(&shared);
            symmetric.seal(&[0; 8])?.try_into().ok()
        });
        let Some(features) = features else {
            // A pin of small order is no key at all: nobody can be reached with it.
            self.state = State::Waiting(now + REFUSED.1, None);
            return;
        };
        let hello = self.mac.sign(Hello { head, ephemeral: public, features, token: None, mac: [0; 16] });
        let (datagram, pace) = (hello.write(), Pace::new(since, now));
        self.state = State::Hello(Box::new(Greeting { pace, symmetric, ephemeral, hello, datagram, retried: None }));
    }

    fn on_retry(&mut self, now: Time, retry: &Retry) -> Result<Progress, Silence> {
        let State::Hello(greeting) = &mut self.state else { return Err(Silence::Unexpected) };
        let start = [&retry.head.bytes()[..], &retry.token].concat();
        if retry.head != greeting.hello.head.of(Kind::Retry)
            || !derive::same(&self.mac.answer(&start, &greeting.hello.mac), &retry.tag)
        {
            return Err(Silence::Forged);
        }
        if greeting.retried.is_some_and(|last| now.since(last) < RETRY_EVERY) {
            return Err(Silence::Rate);
        }
        greeting.hello = self.mac.sign(Hello { token: Some(retry.token), ..greeting.hello });
        greeting.datagram = greeting.hello.write();
        greeting.retried = Some(now);
        greeting.pace.hasten(now);
        Ok(Progress::Stepped)
    }

    /// The responder lacks our suite: the next best one that it has. WELCOME says later whether this was true.
    fn on_versions(&mut self, now: Time, versions: &Versions) -> Result<Progress, Silence> {
        let State::Hello(greeting) = &self.state else { return Err(Silence::Unexpected) };
        if versions.head != greeting.hello.head.of(Kind::Versions)
            || !derive::same(&self.mac.answer(&versions.start(), &greeting.hello.mac), &versions.tag)
        {
            return Err(Silence::Forged);
        }
        if self.switched.is_some_and(|last| now.since(last) < RETRY_EVERY) {
            return Err(Silence::Rate);
        }
        let theirs: Vec<u16> =
            versions.list.iter().filter(|(version, _)| *version == VERSION).map(|(_, suite)| *suite).collect();
        let suite = choose(&codes(&self.dial.suites), &theirs).filter(|suite| *suite != self.suite);
        let since = greeting.pace.since();
        self.suite = suite.ok_or(Silence::Unexpected)?;
        self.switched = Some(now);
        self.attempt(since, now);
        Ok(Progress::Stepped)
    }

    fn on_cookie(&mut self, now: Time, wall: Wall, cookie: &Cookie) -> Result<Progress, Silence> {
        let State::Hello(greeting) = &self.state else { return Err(Silence::Unexpected) };
        if cookie.head != greeting.hello.head.of(Kind::Cookie) {
            return Err(Silence::Unexpected);
        }
        // A copy: what does not open has changed nothing.
        let mut state = greeting.symmetric.clone();
        state.mix_hash(&cookie.ephemeral);
        state.mix_key(&greeting.ephemeral.agree(&cookie.ephemeral).ok_or(Silence::SmallOrder)?);
        let text = state.open(&cookie.sealed).ok_or(Silence::Forged)?;
        let text = text.as_slice().try_into().map_err(|_| Silence::Forged)?;
        let key = state.seal(self.identity.public()).and_then(|key| key.try_into().ok()).ok_or(Silence::Full)?;
        state.mix_key(&self.identity.pair.agree(&cookie.ephemeral).ok_or(Silence::SmallOrder)?);
        let payload = self.initiation(wall, state.hash());
        let payload = payload.and_then(|payload| state.seal(&payload)).ok_or(Silence::Full)?;
        let head = cookie.head.of(Kind::Initiate);
        let datagram = Initiate { head, cookie: text, key, payload: &payload }.write();
        let hash = *state.hash();
        let (to_responder, to_initiator) = state.split();
        let keys = Keys::new(self.suite, Direction::ToResponder, &to_responder, &to_initiator, now);
        self.state = State::Initiate(Box::new(Proof { pace: Pace::new(now, now), head, keys, hash, datagram }));
        Ok(Progress::Stepped)
    }

    fn initiation(&self, wall: Wall, before_payload: &[u8; 32]) -> Option<Vec<u8>> {
        let proof = |(id, secret): &([u8; 16], Secret)| Enrolment { id: *id, proof: enrolment(secret, before_payload) };
        let key = self.identity.key();
        let initiation = Initiation {
            role: key.role.clone(),
            verify: *key.verify.as_bytes(),
            binding: *self.identity.binding(),
            epoch: self.identity.epoch(),
            wall: i64::try_from(wall.0).unwrap_or(i64::MAX),
            offers: Offers { versions: vec![VERSION], suites: codes(&self.dial.suites) },
            parameters: self.dial.parameters,
            enrolment: self.dial.enrolment.as_ref().map(proof),
            early: self.dial.early.clone(),
        };
        // Early frames that do not fit come late.
        initiation.write().or_else(|| Initiation { early: Vec::new(), ..initiation }.write())
    }

    fn on_data(&mut self, now: Time, head: &DataHead, datagram: &mut [u8]) -> Result<Progress, Silence> {
        let State::Initiate(proof) = &mut self.state else { return Err(Silence::Unexpected) };
        if head.cid != proof.head.cid {
            return Err(Silence::Unexpected);
        }
        let mut seen = Seen::new();
        let opened = proof.keys.open(now, NO_TIMEOUT, &mut seen, datagram).map_err(|_| Silence::Forged)?;
        let mut frames = Frames::new(opened.frames);
        // A packet that overtook its WELCOME will be sent again.
        let Some(Ok(Frame::Welcome(body))) = frames.next() else { return Err(Silence::Unexpected) };
        let (body, rest, hash) = (body.to_vec(), frames.rest().to_vec(), proof.hash);
        match Welcome::read(&body).map_err(|_| Fault::Malformed).and_then(|welcome| self.check(&hash, welcome)) {
            Ok((welcome, peer)) if welcome.status == Status::Accepted => {
                Ok(self.finish(seen, welcome, peer, body, rest))
            }
            Ok((welcome, _)) => Ok(self.wait(now, &welcome)),
            Err(fault) => {
                self.state = State::Waiting(now + jitter(REFUSED.0, &mut self.random), None);
                Ok(Progress::Fault(fault))
            }
        }
    }

    /// What the responder says of itself has to agree with what it proved.
    fn check(&self, hash: &[u8; 32], welcome: Welcome) -> Result<(Welcome, Peer), Fault> {
        let best = choose(&codes(&self.dial.suites), &welcome.offers.suites);
        if best != Some(self.suite) || !welcome.offers.versions.contains(&VERSION) {
            return Err(Fault::Downgraded);
        }
        let verify = VerifyKey::from_bytes(&welcome.verify).map_err(|_| Fault::Stranger)?;
        let key = RoleKey { role: welcome.role.clone(), verify, public: self.dial.pin };
        let is_known = self.dial.verify == Some(verify) && self.dial.role.as_ref() == Some(&key.role);
        let peer = match is_known {
            true => Some(Peer::known(key, welcome.epoch)),
            false => Peer::bound(key, welcome.epoch, &welcome.binding),
        };
        let peer = peer.and_then(|peer| peer.with_successor(welcome.successor)).ok_or(Fault::Stranger)?;
        if self.dial.verify.is_some_and(|pinned| pinned != peer.key.verify) {
            return Err(Fault::Stranger);
        }
        let wanted = self.dial.enrolment.as_ref().filter(|_| self.dial.must_enrol);
        if let (Status::Accepted, Some((_, token))) = (welcome.status, wanted) {
            let expected = enrolled(token, hash);
            if !welcome.enrolled.is_some_and(|said| derive::same(&said, &expected)) {
                return Err(Fault::Unproven);
            }
        }
        Ok((welcome, peer))
    }

    fn finish(&mut self, seen: Seen, welcome: Welcome, peer: Peer, body: Vec<u8>, early: Vec<u8>) -> Progress {
        let State::Initiate(proof) = std::mem::replace(&mut self.state, State::Done) else {
            return Progress::Silence(Silence::Unexpected);
        };
        Progress::Established(Box::new(Established {
            peer,
            keys: proof.keys,
            seen,
            hash: proof.hash,
            ours: proof.head.cid,
            theirs: welcome.cid,
            number: FIRST_NUMBER,
            parameters: welcome.parameters,
            wall: welcome.wall,
            reset: welcome.reset,
            welcome: body,
            early,
        }))
    }

    fn wait(&mut self, now: Time, welcome: &Welcome) -> Progress {
        let (least, most) = match welcome.status {
            Status::Pending => PENDING,
            Status::Busy => BUSY,
            _ => REFUSED,
        };
        let wait = Duration::from_millis(u64::from(welcome.retry_after)).clamp(least, most);
        let wait = jitter(wait, &mut self.random);
        let call = self.cid().map(|cid| (cid, welcome.reset));
        self.state = State::Waiting(now + wait, call);
        Progress::Waiting { status: welcome.status, wait }
    }
}
