//! A responder and an initiator between whom somebody sits: a script of genuine deliveries, mutations, forgeries, waits and
//! refusals. What was changed changes nothing; and once the meddling ends the two come together and can talk.
#![no_main]

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use roadstead::base::{Name, Random, Time, Wall};
use roadstead::keep::OwnKeys;
use roadstead::nacl::seal::TAG;
use roadstead::nacl::{Secret, Suite, derive};
use roadstead::road::v1::handshake::{Answer, Dial, Established, Identity, Initiator, Progress, Responder, Rules};
use roadstead::wire::v1::handshake::{HELLO, HELLO_MAC};
use roadstead::wire::v1::{Frame, Frames, Parameters, Status, Writer};

const WALL: Wall = Wall(1_700_000_000_000_000);
/// Longest script: a handshake is four packets.
const STEPS: usize = 24;
/// Deliveries and waits within which two who are left alone come together.
const HEALING: usize = 40;

static WHO: LazyLock<Arc<Identity>> = LazyLock::new(|| Arc::new(identity(101, "web1")));
/// What signs a Hello is known to whoever knows the responder's public key.
static HELLO_KEY: LazyLock<Secret> = LazyLock::new(|| {
    let public = *identity(1, "vm_master").key().public.as_bytes();
    Secret::from_bytes(derive::digest(&[b"roadstead v1 mac", &public])).expand(b"hello")
});

fuzz_target!(|data: &[u8]| {
    let Some((&flags, script)) = data.split_first() else { return };
    let mut world = World::new(flags);
    let mut script = Script(script);
    for _ in 0..STEPS {
        let Some(op) = script.byte() else { break };
        world.step(op, &mut script);
    }
    world.heal();
});

struct World {
    responder: Responder,
    initiator: Initiator,
    now: Time,
    /// The last genuine datagram each way.
    asked: Vec<u8>,
    answered: Vec<u8>,
    ours: Option<Established>,
    /// The responder's, by session id.
    theirs: Vec<Established>,
}

impl World {
    fn new(flags: u8) -> Self {
        let order = |flip| if flip { [Suite::Aes256Gcm, Suite::Nacl] } else { [Suite::Nacl, Suite::Aes256Gcm] };
        let mut suites = order(flags & 1 != 0).to_vec();
        let rules = Rules { prefix_rate: 1_000_000, retry_at: 1_000_000, ..Rules::default() };
        // One that lacks a suite answers with what it has; the other has them all, or no session could be.
        let rules = Rules { suites: order(flags & 2 != 0)[..1 + usize::from(flags & 4 == 0)].to_vec(), ..rules };
        suites.truncate(if rules.suites.len() == 2 && flags & 8 != 0 { 1 } else { 2 });
        let responder = Responder::new(identity(1, "vm_master"), rules, [1; 32], Time::ZERO);
        let dial = Dial {
            pin: responder.identity().key().public,
            verify: None,
            role: None,
            suites,
            parameters: Parameters::default(),
            site: None,
            enrolment: None,
            must_enrol: false,
            early: if flags & 16 != 0 { vec![0x01] } else { Vec::new() },
        };
        let initiator = Initiator::new(WHO.clone(), dial, [7; 32], Time::ZERO);
        let (asked, answered, theirs) = (Vec::new(), Vec::new(), Vec::new());
        Self { responder, initiator, now: Time::ZERO, asked, answered, ours: None, theirs }
    }

    fn step(&mut self, op: u8, script: &mut Script<'_>) {
        match op % 9 {
            0 | 1 => self.ask(verdict(op)),
            2 => self.answer(),
            3 => {
                let forged = script.bytes();
                self.to_responder(&forged);
            }
            4 => {
                let mut forged = script.bytes();
                self.to_initiator(&mut forged);
            }
            5 => {
                let mut changed = self.asked.clone();
                if script.mutate(&mut changed) {
                    self.to_responder(&changed);
                }
            }
            6 => {
                let mut changed = self.answered.clone();
                if script.mutate(&mut changed) {
                    self.to_initiator(&mut changed);
                }
            }
            7 => self.signed(script),
            _ => {
                let wait = u64::from(op >> 4).pow(4) * 10_000;
                self.responder.set_pressed(op & 8 != 0);
                self.wait_until(self.now + Duration::from_micros(wait));
            }
        }
    }

    /// The genuine datagram that is due, or was last, to the responder; its answer is kept.
    fn ask(&mut self, verdict: Status) {
        if let Some(datagram) = self.initiator.poll_transmit(self.now) {
            self.asked = datagram.to_vec();
        }
        let question = self.asked.clone();
        match self.responder.handle_datagram(self.now, WALL, from(), &question, |_| false, |_| false) {
            Answer::Silence(_) => {}
            Answer::Send(answer) => {
                assert!(answer.len() <= 3 * question.len(), "three times the question at most");
                self.answered = answer;
            }
            Answer::Knock(applicant) if verdict == Status::Accepted => {
                let cid = self.theirs.len() as u64;
                let (session, welcome) =
                    self.responder.accept(self.now, WALL, *applicant, cid, None).expect("there is room");
                assert!(self.theirs.iter().all(|known| known.hash != session.hash), "two sessions of one Initiate");
                self.theirs.push(*session);
                self.answered = welcome;
            }
            Answer::Knock(applicant) => {
                let after = Duration::from_secs(90);
                let welcome = self.responder.decline(self.now, WALL, &applicant, verdict, after);
                self.answered = welcome.expect("a verdict fits");
            }
            Answer::Again { cid } => {
                let session = &mut self.theirs[cid as usize];
                let body = session.welcome.clone();
                self.answered = packet(session, self.now, &Frame::Welcome(&body));
            }
        }
    }

    /// The last genuine answer to the initiator.
    fn answer(&mut self) {
        let mut answer = self.answered.clone();
        match self.initiator.handle_datagram(self.now, WALL, &mut answer) {
            Progress::Established(session) => {
                assert!(self.ours.is_none(), "one session of one handshake");
                self.ours = Some(*session);
            }
            Progress::Fault(fault) => panic!("{fault}"),
            Progress::Silence(_) | Progress::Stepped | Progress::Waiting { .. } => {}
        }
    }

    /// What nobody genuine sent: silence.
    fn to_responder(&mut self, forged: &[u8]) {
        if *forged == self.asked {
            return;
        }
        match self.responder.handle_datagram(self.now, WALL, from(), forged, |_| false, |_| false) {
            Answer::Silence(_) => {}
            answer => panic!("{answer:?} to what nobody sent"),
        }
    }

    fn to_initiator(&mut self, forged: &mut [u8]) {
        if *forged == *self.answered {
            return;
        }
        let before = format!("{:?}", self.initiator);
        match self.initiator.handle_datagram(self.now, WALL, forged) {
            Progress::Silence(_) => assert_eq!(before, format!("{:?}", self.initiator), "silence changes nothing"),
            progress => panic!("{progress:?} of what nobody sent"),
        }
    }

    /// A Hello under the right mac, by somebody who knows the responder's public key and no more.
    fn signed(&mut self, script: &mut Script<'_>) {
        let mut hello = if self.asked.len() == HELLO { self.asked.clone() } else { vec![0x83; HELLO] };
        script.mutate(&mut hello);
        hello.resize(HELLO, 0);
        let mac = HELLO_KEY.tag(&[&hello[..HELLO_MAC]]);
        hello[HELLO_MAC..].copy_from_slice(&mac);
        match self.responder.handle_datagram(self.now, WALL, from(), &hello, |_| false, |_| false) {
            Answer::Silence(_) => {}
            Answer::Send(answer) => assert!(answer.len() <= 3 * HELLO),
            answer => panic!("{answer:?} to a Hello"),
        }
    }

    fn wait_until(&mut self, then: Time) {
        self.now = then.max(self.now);
        self.initiator.handle_timeout(self.now);
        self.responder.handle_timeout(self.now);
    }

    /// Nobody meddles any more: there is a session, the same on both sides.
    fn heal(mut self) {
        self.responder.set_pressed(false);
        for _ in 0..HEALING {
            if self.ours.is_some() {
                break;
            }
            self.ask(Status::Accepted);
            self.answer();
            if let Some(due) = self.initiator.poll_timeout() {
                self.wait_until(due);
            }
        }
        let mut ours = self.ours.expect("two who are left alone come together");
        let theirs = self.theirs.iter_mut().find(|session| session.hash == ours.hash).expect("both have it");
        assert_eq!((ours.ours, ours.theirs, ours.keys.suite()), (theirs.theirs, theirs.ours, theirs.keys.suite()));
        talk(&mut ours, theirs, self.now);
        talk(theirs, &mut ours, self.now);
    }
}

/// What is left of the input.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    /// So many bytes as the next two say.
    fn bytes(&mut self) -> Vec<u8> {
        let size = usize::from(self.byte().unwrap_or(0)) * 8 + usize::from(self.byte().unwrap_or(0) & 7);
        let (bytes, rest) = self.0.split_at(size.min(self.0.len()));
        self.0 = rest;
        bytes.to_vec()
    }

    /// Up to four bytes changed, or the length; whether anything was.
    fn mutate(&mut self, bytes: &mut Vec<u8>) -> bool {
        let before = bytes.clone();
        let kind = self.byte().unwrap_or(0);
        if kind & 0x80 != 0 {
            bytes.resize((bytes.len() + usize::from(kind & 0x1f)).saturating_sub(16), kind);
        }
        for _ in 0..=(kind >> 5) & 3 {
            let at = usize::from(self.byte().unwrap_or(0)) << 8 | usize::from(self.byte().unwrap_or(0));
            let flip = self.byte().unwrap_or(1);
            let len = bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at % len) {
                *byte ^= flip;
            }
        }
        *bytes != before
    }
}

fn identity(seed: u64, role: &str) -> Identity {
    let keys = OwnKeys::generate(&mut Random::from_number(seed));
    Identity::new(Name::new(role).expect("a role"), keys, 1).expect("an id")
}

/// Mostly yes.
fn verdict(op: u8) -> Status {
    match op >> 4 {
        12 => Status::Pending,
        13 => Status::Rejected,
        14 => Status::Denied,
        15 => Status::Busy,
        _ => Status::Accepted,
    }
}

fn from() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 7], 4511))
}

/// A packet of an established side with `frame` in it.
fn packet(side: &mut Established, now: Time, frame: &Frame<'_>) -> Vec<u8> {
    let number = side.number;
    side.number += 1;
    let head = side.keys.head(now, side.theirs, number, None);
    let mut packet = vec![0; 1200];
    let mut out = Writer::new(&mut packet);
    head.write(&mut out).expect("a head fits");
    frame.write(&mut out).expect("a frame fits");
    let size = out.at() + TAG;
    packet.truncate(size);
    side.keys.seal(&head, number, &mut packet).expect("the first packets of a session");
    packet
}

fn talk(a: &mut Established, b: &mut Established, now: Time) {
    let mut datagram = packet(a, now, &Frame::Datagram(b"there"));
    let opened = b.keys.open(now, Duration::ZERO, &mut b.seen, &mut datagram).expect("they share keys");
    assert!(Frames::new(opened.frames).eq([Ok(Frame::Datagram(b"there"))]));
}
