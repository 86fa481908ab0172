//! The answering side: stateless until an Initiate opens, then one verdict of the road away from a session.
//!
//! Checks come in order of their cost. The first packet number of a session is taken from a counter that every answer of
//! this responder moves on: the same Initiate answered twice is answered under two nonces. One set of minute keys must
//! therefore never serve two responders.

mod recall;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::applicant::{Applicant, enrolled};
use super::cookie::{Minutes, Parked, Used};
use super::gate::Gate;
use super::identity::{Identity, Peer};
use super::mac::Mac;
use super::rules::Rules;
use super::{Established, Seen, Silence, begin, choose, codes, greet};
use crate::base::{Random, Time, Wall};
use crate::keep::RoleKey;
use crate::nacl::{KeyPair, PublicKey, Secret, SecretKey, VerifyKey, derive};
use crate::wire::v1::handshake::{Cookie, Head, Hello, Initiate, Kind, Retry, Versions};
use crate::wire::v1::{Frames, Initiation, Intro, Offers, Packet, Status, VERSION, Welcome};

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
    answers: u64,
    reset: Secret,
    random: Random,
}

/// Answers are numbered modulo this: within a cookie's life nobody can make us give so many.
const ANSWERS: u64 = 1 << 30;
/// Answers are at most so many times as long as what provoked them (RFC 9000 §8).
const AMPLIFICATION: usize = 3;

impl Responder {
    /// At `now`; `seed` must come from the operating system outside of tests.
    pub fn new(identity: impl Into<Arc<Identity>>, rules: Rules, seed: [u8; 32], now: Time) -> Self {
        let identity = identity.into();
        let mut random = Random::new(seed);
        Self {
            mac: Mac::new(identity.public(), rules.site.as_ref()),
            minutes: Minutes::new(now, &mut random),
            gate: Gate::new(now, rules.prefix_rate, rules.retry_at, &mut random),
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

    /// Tells whether handshakes take too much of the processor: then hellos need a token whatever comes of them.
    pub fn set_pressed(&mut self, is_pressed: bool) {
        self.gate.is_pressed = is_pressed;
    }

    /// Takes a handshake packet. `is_revoked` knows the keys that were taken back, `is_accepted` those that may come in:
    /// their role and keys were bound to each other when they were let in, and are not strangers'.
    pub fn handle_datagram(
        &mut self,
        now: Time,
        wall: Wall,
        from: SocketAddr,
        datagram: &[u8],
        is_revoked: impl Fn(&[u8; 32]) -> bool,
        is_accepted: impl Fn(&RoleKey) -> bool,
    ) -> Answer {
        self.minutes.advance(now, &mut self.random);
        let answer = match Packet::read(datagram) {
            Ok(Packet::Hello(hello)) => self.on_hello(now, from, &hello, datagram),
            Ok(Packet::Foreign(head)) => self.on_foreign(now, from, &head, datagram),
            Ok(Packet::Initiate(initiate)) => self.on_initiate(now, from, &initiate, datagram, is_revoked, is_accepted),
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
        self.gate.on_finished();
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

    fn on_hello(&mut self, now: Time, from: SocketAddr, hello: &Hello, datagram: &[u8]) -> Result<Answer, Silence> {
        let mac = self.mac.admits(datagram).ok_or(Silence::Mac)?;
        let is_loaded = self.gate.count_hello(now);
        let is_proven = hello.token.is_some_and(|token| self.minutes.knows_token(&token, from, &hello.head));
        if is_loaded && !is_proven {
            if !self.gate.admits_retry(now, from) {
                return Err(Silence::Rate);
            }
            let token = self.minutes.token(from, &hello.head);
            let mut retry = Retry { head: hello.head.of(Kind::Retry), token, tag: [0; 16] };
            retry.tag = self.mac.answer(&[&retry.head.bytes()[..], &token].concat(), &mac);
            return Ok(Answer::Send(retry.write()));
        }
        let is_within = if is_proven { self.gate.admits_proven(now, from) } else { self.gate.admits(now, from) };
        if !is_within {
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
        let nonce = self.rules.shard.mark_nonce(self.random.bytes());
        let cookie = self.minutes.seal(&parked, now, from, &hello.head, nonce).ok_or(Silence::Cookie)?;
        let sealed = parked.state.clone().seal(&cookie).and_then(|sealed| sealed.try_into().ok());
        let sealed = sealed.ok_or(Silence::Cookie)?;
        let cookie = Cookie { head: hello.head.of(Kind::Cookie), ephemeral: public, sealed };
        Ok(Answer::Send(cookie.write()))
    }

    fn on_foreign(&mut self, now: Time, from: SocketAddr, head: &Head, datagram: &[u8]) -> Result<Answer, Silence> {
        let mac = self.mac.admits(datagram).ok_or(Silence::Mac)?;
        if !self.gate.admits(now, from) {
            return Err(Silence::Rate);
        }
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
        is_accepted: impl Fn(&RoleKey) -> bool,
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
        let peer = self.peer(now, from, &said, public, is_accepted)?;
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
        })))
    }

    /// Who it is. Whoever is not accepted has a rate of its own, and its binding is verified.
    fn peer(
        &mut self,
        now: Time,
        from: SocketAddr,
        said: &Initiation,
        public: [u8; 32],
        is_accepted: impl Fn(&RoleKey) -> bool,
    ) -> Result<Peer, Silence> {
        let verify = VerifyKey::from_bytes(&said.verify).map_err(|_| Silence::Unbound)?;
        let key = RoleKey { role: said.role.clone(), verify, public: PublicKey::from_agreed(public) };
        if is_accepted(&key) {
            return Ok(Peer::known(key, said.epoch));
        }
        if !self.gate.admits_stranger(now, from) {
            return Err(Silence::Rate);
        }
        Peer::bound(key, said.epoch, &said.binding).ok_or(Silence::Unbound)
    }

    fn on_intro(&mut self, now: Time, wall: Wall, from: SocketAddr, intro: &Intro) -> Result<Answer, Silence> {
        if !self.rules.introduces {
            return Err(Silence::Unexpected);
        }
        super::intro::check(intro, self.rules.site.as_ref())?;
        if !self.gate.admits_stranger(now, from) {
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
