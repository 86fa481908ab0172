//! The answering side: stateless until an Initiate opens, then one verdict of the road away from a session.
//!
//! Checks come in order of their cost. The first packet number of a session is taken from a counter that every answer of
//! this responder moves on: the same Initiate answered twice is answered under two nonces. One set of minute keys must
//! therefore never serve two responders.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::applicant::{Applicant, enrolled};
use super::cookie::{Minutes, Parked, Used};
use super::gate::Gate;
use super::identity::{Bindings, Identity, Peer, print};
use super::mac::Mac;
use super::{Established, Seen, Silence, begin, choose, codes, greet};
use crate::base::{Random, Time, Wall, limits};
use crate::nacl::{KeyPair, Secret, SecretKey, Suite, derive};
use crate::wire::v1::handshake::{Cookie, Head, Hello, Initiate, Kind, RESET_RANDOM, Reset, Retry, Versions};
use crate::wire::v1::{Frames, Initiation, Intro, Offers, Packet, Parameters, Status, VERSION, Welcome};

/// What a responder allows.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Suites, best first. What the initiator likes best of them is taken.
    pub suites: Vec<Suite>,
    /// What we grant.
    pub parameters: Parameters,
    /// A secret only this site knows; without it nobody gets any answer.
    pub site: Option<Secret>,
    /// Whether strangers may ask who we are.
    pub introduces: bool,
    /// Hellos a second from which they need a token.
    pub retry_at: u32,
    /// Initiates and unproven hellos a second from one network (/24, /48).
    pub prefix_rate: u32,
}

/// What to do about a datagram.
#[derive(Debug)]
pub enum Answer {
    /// Nothing.
    Silence(Silence),
    /// Send this back to where it came from.
    Send(Vec<u8>),
    /// Decide: [`Responder::accept`], [`Responder::decline`], or forget.
    Knock(Box<Applicant>),
    /// The Initiate that began session `cid`, once more: its WELCOME was lost.
    Again {
        /// Our session id.
        cid: u64,
    },
}

/// The answering side of all handshakes of one road.
#[derive(Debug)]
pub struct Responder {
    identity: Arc<Identity>,
    rules: Rules,
    mac: Mac,
    minutes: Minutes,
    gate: Gate,
    known: Bindings,
    answers: u64,
    reset: Secret,
    random: Random,
}

/// Answers are numbered modulo this: within a cookie's life nobody can make us give so many.
const ANSWERS: u64 = 1 << 30;
/// Answers are at most so many times as long as what provoked them (RFC 9000 §8).
const AMPLIFICATION: usize = 3;

impl Default for Rules {
    fn default() -> Self {
        Self {
            suites: vec![Suite::Nacl, Suite::Aes256Gcm],
            parameters: Parameters::default(),
            site: None,
            introduces: false,
            retry_at: 200,
            // Ten thousand estates behind one address are back within ten seconds.
            prefix_rate: 2000,
        }
    }
}

impl Responder {
    /// At `now`; `seed` must come from the operating system outside of tests.
    pub fn new(identity: impl Into<Arc<Identity>>, rules: Rules, seed: [u8; 32], now: Time) -> Self {
        let identity = identity.into();
        let mut random = Random::new(seed);
        Self {
            mac: Mac::new(identity.public(), rules.site.as_ref()),
            minutes: Minutes::new(now, &mut random),
            gate: Gate::new(now, rules.prefix_rate, rules.retry_at, &mut random),
            known: Bindings::new(limits::ESTATES),
            answers: 0,
            reset: identity.secret(b"reset"),
            identity,
            rules,
            random,
        }
    }

    /// Who we are.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Tells whether handshakes take too much of the processor: then hellos need a token whatever their rate.
    pub fn set_pressed(&mut self, is_pressed: bool) {
        self.gate.is_pressed = is_pressed;
    }

    /// Takes a handshake packet. `is_revoked` knows the keys that were taken back.
    pub fn handle_datagram(
        &mut self,
        now: Time,
        wall: Wall,
        from: SocketAddr,
        datagram: &[u8],
        is_revoked: impl Fn(&[u8; 32]) -> bool,
    ) -> Answer {
        self.minutes.advance(now, &mut self.random);
        let answer = match Packet::read(datagram) {
            Ok(Packet::Hello(hello)) => self.on_hello(now, from, &hello, datagram),
            Ok(Packet::Foreign(head)) => self.on_foreign(&head, datagram),
            Ok(Packet::Initiate(initiate)) => self.on_initiate(now, from, &initiate, datagram, is_revoked),
            Ok(Packet::Intro(intro)) => self.on_intro(now, wall, from, &intro),
            Ok(_) => Err(Silence::Unexpected),
            Err(malformed) => Err(malformed.into()),
        };
        match answer {
            Ok(Answer::Send(reply)) if reply.len() > datagram.len() * AMPLIFICATION => {
                Answer::Silence(Silence::Amplified)
            }
            Ok(answer) => answer,
            Err(why) => Answer::Silence(why),
        }
    }

    /// Time has passed: minute keys are replaced though nobody comes.
    pub fn handle_timeout(&mut self, now: Time) {
        self.minutes.advance(now, &mut self.random);
    }

    /// When to call [`Responder::handle_timeout`]; `None` while there is no key that anybody could need wiped.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.minutes.due()
    }

    /// Whether [`Responder::accept`] has room; without it, answer [`Status::Busy`].
    pub fn has_room(&self) -> bool {
        self.minutes.has_room()
    }

    /// Makes a session of an applicant, under our session id `cid`; `token` proves an enrolment in return. Gives what the
    /// session begins with, and its first datagram.
    pub fn accept(
        &mut self,
        now: Time,
        wall: Wall,
        applicant: Applicant,
        cid: u64,
        token: Option<&Secret>,
    ) -> Result<(Box<Established>, Vec<u8>), Silence> {
        self.minutes.advance(now, &mut self.random);
        self.minutes.spend(applicant.stub, Used { initiate: applicant.initiate, cid })?;
        self.known.remember(applicant.print);
        let mut welcome = self.welcome(wall, Status::Accepted, Duration::ZERO);
        (welcome.cid, welcome.reset) = (cid, self.reset_token(cid));
        welcome.enrolled = token.map(|token| enrolled(token, &applicant.hash));
        let body = welcome.write();
        let number = self.next_answer();
        let mut keys = applicant.keys(now);
        let head = keys.head(now, applicant.cid, number, None);
        let datagram = greet(&mut keys, &head, number, &body).ok_or(Silence::Full)?;
        let established = Established {
            peer: applicant.peer,
            keys,
            seen: Seen::new(),
            hash: applicant.hash,
            ours: cid,
            theirs: applicant.cid,
            number: number + 1,
            parameters: applicant.parameters,
            wall: applicant.wall,
            reset: welcome.reset,
            welcome: body,
            early: applicant.early,
        };
        Ok((Box::new(established), datagram))
    }

    /// Says to an applicant that there is no session, and when to come again. Nothing is remembered.
    pub fn decline(
        &mut self,
        now: Time,
        wall: Wall,
        applicant: &Applicant,
        status: Status,
        retry_after: Duration,
    ) -> Option<Vec<u8>> {
        // Whoever is told "accepted" must have a session: see `accept`.
        if status == Status::Accepted {
            return None;
        }
        let mut welcome = self.welcome(wall, status, retry_after);
        welcome.reset = self.call_token(applicant.cid);
        let body = welcome.write();
        let number = self.next_answer();
        let mut keys = applicant.keys(now);
        let head = keys.head(now, applicant.cid, number, None);
        greet(&mut keys, &head, number, &body)
    }

    /// The datagram that calls back whoever was turned away under its session id `cid`: something was decided.
    pub fn nudge(&mut self, cid: u64) -> Vec<u8> {
        let bytes: [u8; 16] = self.random.bytes();
        Reset { head: Head::new(Kind::Reset, 0, cid), token: self.call_token(cid) }.write(&bytes)
    }

    /// What a call says; known to nobody but us and whom we turned away.
    fn call_token(&self, cid: u64) -> [u8; 16] {
        self.reset.tag(&[b"call", &cid.to_be_bytes()])
    }

    /// The answer to a data packet of a session `cid` that we do not know, always shorter than it.
    pub fn reset(&mut self, now: Time, from: SocketAddr, cid: u64, provoked_by: usize) -> Option<Vec<u8>> {
        let fixed = crate::wire::v1::handshake::HEAD + 16;
        let random = provoked_by.checked_sub(fixed + 1)?.min(*RESET_RANDOM.end());
        if !RESET_RANDOM.contains(&random) || !self.gate.admits(now, from) {
            return None;
        }
        let bytes: [u8; 32] = self.random.bytes();
        let reset = Reset { head: Head::new(Kind::Reset, 0, cid), token: self.reset_token(cid) };
        Some(reset.write(bytes.get(..random)?))
    }

    /// What a Reset of session `cid` says; the same after a restart, unknown to everybody but the session's peer.
    pub fn reset_token(&self, cid: u64) -> [u8; 16] {
        self.reset.tag(&[&cid.to_be_bytes()])
    }

    fn on_hello(&mut self, now: Time, from: SocketAddr, hello: &Hello, datagram: &[u8]) -> Result<Answer, Silence> {
        let mac = self.mac.admits(datagram).ok_or(Silence::Mac)?;
        let is_loaded = self.gate.count_hello(now);
        let is_proven = hello.token.is_some_and(|token| self.minutes.knows_token(&token, from, &hello.head));
        if is_loaded && !is_proven {
            let token = self.minutes.token(from, &hello.head);
            let mut retry = Retry { head: hello.head.of(Kind::Retry), token, tag: [0; 16] };
            retry.tag = self.mac.answer(&[&retry.head.bytes()[..], &token].concat(), &mac);
            return Ok(Answer::Send(retry.write()));
        }
        if !is_proven && !self.gate.admits(now, from) {
            return Err(Silence::Rate);
        }
        if !codes(&self.rules.suites).contains(&hello.head.suite) {
            return Ok(self.versions(&hello.head, &mac));
        }
        self.cookie(now, from, hello)
    }

    /// Noise's second message; the handshake so far goes into the cookie.
    fn cookie(&mut self, now: Time, from: SocketAddr, hello: &Hello) -> Result<Answer, Silence> {
        let mut state = begin(&hello.head, self.identity.public(), &hello.ephemeral);
        state.mix_key(&self.identity.pair.agree(&hello.ephemeral).ok_or(Silence::SmallOrder)?);
        state.open(&hello.features).ok_or(Silence::Forged)?;
        let ephemeral = KeyPair::new(SecretKey::from_bytes(self.random.bytes()));
        let public = *ephemeral.public();
        state.mix_hash(&public);
        state.mix_key(&ephemeral.agree(&hello.ephemeral).ok_or(Silence::SmallOrder)?);
        let parked = Parked { state, ephemeral: ephemeral.secret().clone() };
        let nonce = self.random.bytes();
        let cookie = self.minutes.seal(&parked, now, from, &hello.head, nonce).ok_or(Silence::Cookie)?;
        let sealed = parked.state.clone().seal(&cookie).and_then(|sealed| sealed.try_into().ok());
        let sealed = sealed.ok_or(Silence::Cookie)?;
        let cookie = Cookie { head: hello.head.of(Kind::Cookie), ephemeral: public, sealed };
        Ok(Answer::Send(cookie.write()))
    }

    fn on_foreign(&self, head: &Head, datagram: &[u8]) -> Result<Answer, Silence> {
        let mac = self.mac.admits(datagram).ok_or(Silence::Mac)?;
        Ok(self.versions(head, &mac))
    }

    fn versions(&self, head: &Head, mac: &[u8; 16]) -> Answer {
        let list = self.rules.suites.iter().map(|suite| (VERSION, suite.code())).collect();
        let versions = Versions { head: head.of(Kind::Versions), list, tag: [0; 16] };
        Answer::Send(self.mac.sign_versions(versions, mac).write())
    }

    fn on_initiate(
        &mut self,
        now: Time,
        from: SocketAddr,
        initiate: &Initiate<'_>,
        datagram: &[u8],
        is_revoked: impl Fn(&[u8; 32]) -> bool,
    ) -> Result<Answer, Silence> {
        if !self.gate.admits(now, from) {
            return Err(Silence::Rate);
        }
        if let Some(used) = self.minutes.used(&initiate.cookie) {
            let is_same = derive::digest(&[datagram]) == used.initiate;
            return if is_same { Ok(Answer::Again { cid: used.cid }) } else { Err(Silence::Used) };
        }
        let (Parked { mut state, ephemeral }, stub) = self.minutes.open(&initiate.cookie, now, from, &initiate.head)?;
        state.seal(&initiate.cookie).ok_or(Silence::Cookie)?;
        let public = state.open(&initiate.key).ok_or(Silence::Forged)?;
        let public: [u8; 32] = public.as_slice().try_into().map_err(|_| Silence::Forged)?;
        if is_revoked(&public) {
            return Err(Silence::Revoked);
        }
        state.mix_key(&derive::agree(&ephemeral, &public).ok_or(Silence::SmallOrder)?);
        let before_payload = *state.hash();
        let payload = state.open(initiate.payload).ok_or(Silence::Forged)?;
        let said = Initiation::read(&payload)?;
        if !Frames::new(&said.early).all(|frame| frame.is_ok_and(|frame| frame.is_idempotent())) {
            return Err(Silence::Early);
        }
        let suite = choose(&said.offers.suites, &codes(&self.rules.suites));
        let suite =
            suite.filter(|suite| suite.code() == initiate.head.suite && said.offers.versions.contains(&VERSION));
        let suite = suite.ok_or(Silence::Downgraded)?;
        let (peer, print) = self.peer(&said, public)?;
        let hash = *state.hash();
        let (to_responder, to_initiator) = state.split();
        Ok(Answer::Knock(Box::new(Applicant {
            peer,
            from,
            cid: initiate.head.cid,
            parameters: said.parameters,
            wall: said.wall,
            enrolment: said.enrolment,
            early: said.early,
            suite,
            hash,
            before_payload,
            to_responder,
            to_initiator,
            stub,
            initiate: derive::digest(&[datagram]),
            print,
        })))
    }

    /// Verifies the binding, unless an accepted session had the same.
    fn peer(&self, said: &Initiation, public: [u8; 32]) -> Result<(Peer, [u8; 32]), Silence> {
        let print = print(&said.role, &public, &said.verify, said.epoch, &said.binding);
        let peer = if self.known.knows(&print) {
            Peer::known(said.role.clone(), public, &said.verify, said.epoch)
        } else {
            Peer::bound(said.role.clone(), public, &said.verify, said.epoch, &said.binding)
        };
        Ok((peer.ok_or(Silence::Unbound)?, print))
    }

    fn on_intro(&mut self, now: Time, wall: Wall, from: SocketAddr, intro: &Intro) -> Result<Answer, Silence> {
        if !self.rules.introduces {
            return Err(Silence::Unexpected);
        }
        super::intro::check(intro, self.rules.site.as_ref())?;
        if !self.gate.admits(now, from) || !self.gate.admits_intro(now) {
            return Err(Silence::Rate);
        }
        Ok(Answer::Send(super::intro::reply(&self.identity, intro, wall).write()))
    }

    fn welcome(&self, wall: Wall, status: Status, retry_after: Duration) -> Welcome {
        let key = self.identity.key();
        Welcome {
            status,
            retry_after: u32::try_from(retry_after.as_millis()).unwrap_or(u32::MAX),
            cid: 0,
            reset: [0; 16],
            wall: i64::try_from(wall.0).unwrap_or(i64::MAX),
            offers: Offers { versions: vec![VERSION], suites: codes(&self.rules.suites) },
            parameters: self.rules.parameters,
            role: key.role.clone(),
            verify: *key.verify.as_bytes(),
            epoch: self.identity.epoch(),
            binding: *self.identity.binding(),
            successor: self.identity.successor(),
            enrolled: None,
        }
    }

    fn next_answer(&mut self) -> u64 {
        self.answers = (self.answers + 1) % ANSWERS;
        self.answers
    }

    /// Applicants and cookies remembered, for the test that strangers add none.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.minutes.remembered()
    }
}
