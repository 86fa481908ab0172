//! A responder, initiators and what travels between them, for the handshake's tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::base::{Name, Random, Time, Wall};
use crate::keep::OwnKeys;
use crate::wire::v1::Status;

pub(super) const WALL: Wall = Wall(1_700_000_000_000_000);

pub(super) fn at(millis: u64) -> Time {
    Time(millis * 1000)
}

pub(super) fn address() -> SocketAddr {
    "192.0.2.7:4511".parse().unwrap()
}

pub(super) fn identity(seed: u64, role: &str) -> Identity {
    Identity::new(Name::new(role).unwrap(), OwnKeys::generate(&mut Random::from_number(seed)), 1).unwrap()
}

/// Rules under which no test runs into a rate by accident.
pub(super) fn rules() -> Rules {
    Rules { prefix_rate: 1_000_000, retry_at: 1_000_000, ..Rules::default() }
}

pub(super) fn responder(rules: Rules) -> Responder {
    Responder::new(identity(1, "vm_master"), rules, [1; 32], Time::ZERO)
}

pub(super) fn dial(responder: &Responder) -> Dial {
    Dial {
        pin: responder.identity().key().public,
        verify: None,
        role: None,
        suites: vec![Suite::Nacl, Suite::Aes256Gcm],
        parameters: Parameters::default(),
        site: None,
        enrolment: None,
        must_enrol: false,
        early: Vec::new(),
    }
}

pub(super) fn initiator(seed: u8, dial: Dial) -> Initiator {
    Initiator::new(Arc::new(identity(100 + u64::from(seed), "web1")), dial, [seed; 32], Time::ZERO)
}

/// What is due now.
pub(super) fn due(initiator: &mut Initiator, now: Time) -> Vec<u8> {
    initiator.poll_transmit(now).expect("nothing is due").to_vec()
}

/// A responder's answer to a datagram from the usual address.
pub(super) fn ask(responder: &mut Responder, now: Time, datagram: &[u8]) -> Answer {
    responder.handle_datagram(now, WALL, address(), datagram, |_| false, |_| false)
}

pub(super) fn sent(answer: Answer) -> Vec<u8> {
    match answer {
        Answer::Send(datagram) => datagram,
        other => panic!("no answer but {other:?}"),
    }
}

pub(super) fn knock(answer: Answer) -> Applicant {
    match answer {
        Answer::Knock(applicant) => *applicant,
        other => panic!("no knock but {other:?}"),
    }
}

pub(super) fn silence(answer: Answer) -> Silence {
    match answer {
        Answer::Silence(why) => why,
        other => panic!("no silence but {other:?}"),
    }
}

pub(super) fn passed_over(progress: Progress) -> Silence {
    match progress {
        Progress::Silence(why) => why,
        other => panic!("taken: {other:?}"),
    }
}

/// Hello and Cookie; gives the Initiate.
pub(super) fn initiate(initiator: &mut Initiator, responder: &mut Responder, now: Time) -> Vec<u8> {
    let mut cookie = sent(ask(responder, now, &due(initiator, now)));
    assert!(matches!(initiator.handle_datagram(now, WALL, &mut cookie), Progress::Stepped));
    due(initiator, now)
}

/// All of it, both sides' ends.
pub(super) fn join(initiator: &mut Initiator, responder: &mut Responder, now: Time) -> (Established, Established) {
    let applicant = knock({
        let datagram = initiate(initiator, responder, now);
        ask(responder, now, &datagram)
    });
    let (theirs, mut welcome) = responder.accept(now, WALL, applicant, 0xc1d, None).unwrap();
    match initiator.handle_datagram(now, WALL, &mut welcome) {
        Progress::Established(ours) => (*ours, *theirs),
        other => panic!("not established but {other:?}"),
    }
}

/// A WELCOME without a session for whoever sent `datagram`.
pub(super) fn declined(responder: &mut Responder, now: Time, datagram: &[u8], status: Status, after: u64) -> Vec<u8> {
    let applicant = knock(ask(responder, now, datagram));
    responder.decline(now, WALL, &applicant, status, Duration::from_secs(after)).unwrap()
}

/// A packet of an established side with `frame` in it.
pub(super) fn packet(side: &mut Established, now: Time, frame: &Frame<'_>) -> Vec<u8> {
    let number = side.number;
    side.number += 1;
    let head = side.keys.head(now, side.theirs, number, None);
    let mut packet = vec![0; 1200];
    let mut writer = Writer::new(&mut packet);
    head.write(&mut writer).unwrap();
    frame.write(&mut writer).unwrap();
    let size = writer.at() + crate::nacl::seal::TAG;
    packet.truncate(size);
    side.keys.seal(&head, number, &mut packet).unwrap();
    packet
}

/// Whether two ends can talk both ways.
pub(super) fn talk(a: &mut Established, b: &mut Established, now: Time) {
    let pto = Duration::from_millis(100);
    for _ in 0..2 {
        let mut datagram = packet(a, now, &Frame::Datagram(b"there"));
        let opened = b.keys.open(now, pto, &mut b.seen, &mut datagram).unwrap();
        let frames: Vec<_> = crate::wire::v1::Frames::new(opened.frames).collect();
        assert_eq!(frames, [Ok(Frame::Datagram(b"there"))]);
        std::mem::swap(a, b);
    }
}
