//! Handshakes over a bad network: loss, duplicates, reordering, corruption, all from one seed.

use std::collections::{BTreeMap, BTreeSet};

use super::testing::*;
use super::*;
use crate::base::{Random, Time};

/// What the network does, per mille; times in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Faults {
    loss: u64,
    duplicate: u64,
    corrupt: u64,
    /// Up to so much later than others.
    jitter: u64,
}

struct Net {
    faults: Faults,
    random: Random,
    /// By arrival and order of sending: to the responder or not, corrupted or not, bytes.
    flying: BTreeMap<(Time, u64), (bool, bool, Vec<u8>)>,
    sent: u64,
}

impl Net {
    fn send(&mut self, now: Time, to_responder: bool, datagram: &[u8]) {
        let copies = 1 + usize::from(self.random.below(1000) < self.faults.duplicate);
        for _ in 0..copies {
            if self.random.below(1000) < self.faults.loss {
                continue;
            }
            let mut datagram = datagram.to_vec();
            let is_corrupt = self.random.below(1000) < self.faults.corrupt;
            if is_corrupt {
                let at = self.random.below(datagram.len() as u64) as usize;
                datagram[at] ^= 1 << self.random.below(8);
            }
            let delay = 25_000 + self.random.below(self.faults.jitter * 1000 + 1);
            self.sent += 1;
            self.flying.insert((Time(now.0 + delay), self.sent), (to_responder, is_corrupt, datagram));
        }
    }
}

/// One handshake; gives how long it took, in microseconds.
fn run(seed: u64, faults: Faults) -> u64 {
    let mut net = Net { faults, random: Random::from_number(seed), flying: BTreeMap::new(), sent: 0 };
    let mut responder = responder(rules());
    let mut initiator = initiator(seed as u8, dial(&responder));
    let (mut now, mut ours, mut theirs) = (Time::ZERO, None, Vec::<Established>::new());
    // A session says WELCOME again by itself until it hears from its peer, at the handshake's own pace.
    let mut repeats: Vec<Pace> = Vec::new();
    loop {
        for (session, pace) in theirs.iter_mut().zip(&mut repeats) {
            if ours.is_none() && pace.due() <= now {
                pace.on_sent(now, &mut net.random);
                let welcome = again(session, now);
                net.send(now, false, &welcome);
            }
        }
        initiator.handle_timeout(now);
        while let Some(datagram) = initiator.poll_transmit(now) {
            net.send(now, true, datagram);
        }
        let arrival = net.flying.first_key_value().map(|((at, _), _)| *at);
        let repeat = repeats.iter().map(Pace::due).min().filter(|_| ours.is_none());
        now = [arrival, initiator.poll_timeout(), repeat].into_iter().flatten().min().unwrap_or(now);
        assert!(now < at(600_000), "seed {seed}: no progress in ten minutes");
        let Some(entry) = net.flying.first_entry().filter(|entry| entry.key().0 <= now) else {
            if net.flying.is_empty() && ours.is_some() {
                break;
            }
            continue;
        };
        let (to_responder, is_corrupt, mut datagram) = entry.remove();
        if !to_responder {
            match initiator.handle_datagram(now, WALL, &mut datagram) {
                Progress::Established(established) => ours = Some((now, *established)),
                Progress::Fault(fault) => panic!("seed {seed}: {fault}"),
                Progress::Silence(_) => {}
                progress => assert!(!is_corrupt, "seed {seed}: {progress:?} of a corrupt packet"),
            }
            continue;
        }
        match ask(&mut responder, now, &datagram) {
            Answer::Silence(_) => {}
            answer if is_corrupt => panic!("seed {seed}: {answer:?} to a corrupt packet"),
            Answer::Send(answer) => net.send(now, false, &answer),
            Answer::Knock(applicant) => {
                let cid = theirs.len() as u64;
                let (session, welcome) = responder.accept(now, WALL, *applicant, cid, None).unwrap();
                net.send(now, false, &welcome);
                theirs.push(*session);
                let mut pace = Pace::new(now, now);
                pace.on_sent(now, &mut net.random);
                repeats.push(pace);
            }
            Answer::Again { cid } => {
                let welcome = again(&mut theirs[cid as usize], now);
                net.send(now, false, &welcome);
            }
        }
    }
    let (took, mut ours) = ours.unwrap();
    let hashes: BTreeSet<_> = theirs.iter().map(|session| session.hash).collect();
    assert_eq!(hashes.len(), theirs.len(), "seed {seed}: two sessions of one handshake");
    let theirs = theirs.iter_mut().find(|session| session.hash == ours.hash).unwrap();
    assert_eq!((ours.theirs, ours.ours), (theirs.ours, theirs.theirs), "seed {seed}");
    talk(&mut ours, theirs, now);
    took.0
}

/// WELCOME once more, in a packet of its own number.
fn again(session: &mut Established, now: Time) -> Vec<u8> {
    let body = session.welcome.clone();
    packet(session, now, &Frame::Welcome(&body))
}

#[test]
fn loss_costs_no_more_than_the_matrix_says() {
    // Handshake v1 "Fault matrix": RTT 50 ms, 99th percentile in milliseconds.
    for (loss, bound, runs) in
        [(0, 100, 20), (10, 400, 100), (50, 900, 100), (100, 1800, 200), (200, 3900, 300), (300, 7000, 600)]
    {
        let faults = Faults { loss, ..Faults::default() };
        let mut took: Vec<_> = (0..runs).map(|seed| run(seed, faults) / 1000).collect();
        took.sort_unstable();
        let at = took.len() * 99 / 100 - 1;
        assert!(took[at] <= bound, "{loss} per mille lost: {:?} ms", &took[at - 5..]);
    }
}

#[test]
fn everything_at_once() {
    for seed in 0..100 {
        run(seed, Faults { loss: 100, duplicate: 200, corrupt: 150, jitter: 400 });
    }
}

#[test]
fn duplicates_and_reordering_alone_cost_nothing() {
    for seed in 0..50 {
        let took = run(seed, Faults { duplicate: 1000, jitter: 200, ..Faults::default() });
        assert!(took < 1_000_000, "seed {seed}: {took} us");
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let faults = Faults { loss: 300, duplicate: 100, corrupt: 50, jitter: 50 };
    for seed in [1, 7, 42] {
        assert_eq!(run(seed, faults), run(seed, faults));
    }
}
