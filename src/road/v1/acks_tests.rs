//! The acknowledgement schedule against a set of numbers.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::wire::v1::{Frame, Frames};

const DELAY: Duration = Duration::from_millis(25);

fn at(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(ms)
}

/// What a written frame says: its numbers, its delay and its counts.
fn written(acks: &mut Acks, now: Time, room: usize) -> Option<(Vec<u64>, u64, Option<Ecn>)> {
    let mut buffer = vec![0; room];
    let mut writer = Writer::new(&mut buffer);
    let largest = acks.write(now, &mut writer);
    let size = writer.at();
    let Some(frame) = Frames::new(&buffer[..size]).next() else {
        assert_eq!(largest, None);
        return None;
    };
    let Ok(Frame::Ack(ack)) = frame else { panic!() };
    assert_eq!(largest, Some(ack.largest));
    Some((ack.ranges().flat_map(|(low, high)| (low..=high).rev()).collect(), ack.delay, ack.ecn))
}

fn arrived(numbers: &[u64]) -> Acks {
    let mut acks = Acks::new(DELAY);
    for n in numbers {
        acks.on_packet(at(0), *n, true, Mark::NotEct);
    }
    acks
}

proptest! {
    #[test]
    fn says_what_arrived(
        steps in proptest::collection::vec((0u64..60, 0u8..8, any::<bool>()), 1..200),
    ) {
        let mut acks = Acks::new(DELAY);
        let (mut known, mut unsaid, mut now) = (BTreeSet::new(), BTreeSet::new(), at(0));
        for (i, (n, what, is_eliciting)) in steps.into_iter().enumerate() {
            now += Duration::from_millis(1);
            match what {
                0 => {
                    let kept: Vec<u64> = known.iter().copied().collect();
                    if let Some((said, ..)) = written(&mut acks, now, 2000) {
                        prop_assert!(said.iter().all(|n| known.contains(n)), "{:?} of {:?}", said, kept);
                        prop_assert!(unsaid.iter().all(|n| said.contains(n)));
                        prop_assert!(acks.deadline().is_none() && !acks.is_wanted() && !acks.is_due(now));
                        unsaid.clear();
                        if n % 3 == 0 {
                            // It arrived, and later numbers came meanwhile.
                            acks.on_packet(now, 1000 + i as u64, true, Mark::NotEct);
                            known.insert(1000 + i as u64);
                            unsaid.insert(1000 + i as u64);
                            acks.on_ack_of_ack(said[0]);
                            known.retain(|k| *k > said[0]);
                        }
                    }
                }
                _ => {
                    if known.contains(&n) {
                        continue;
                    }
                    acks.on_packet(now, n, is_eliciting, Mark::NotEct);
                    known.insert(n);
                    unsaid.insert(n);
                    prop_assert!(!is_eliciting || acks.deadline().is_some_and(|at| at <= now + DELAY));
                }
            }
            prop_assert!(acks.older.windows(2).all(|w| w[0].1 + 1 < w[1].0));
            let top = acks.older.last().zip(acks.newest);
            prop_assert!(top.is_none_or(|(below, newest)| below.1 + 1 < newest.0));
            prop_assert!(acks.newest.is_some() || acks.older.is_empty());
        }
    }
}

#[test]
fn every_second_packet_or_a_delay() {
    let mut acks = arrived(&[0]);
    assert_eq!((acks.is_due(at(24)), acks.deadline(), acks.is_due(at(25))), (false, Some(at(25)), true));
    acks.on_packet(at(3), 1, true, Mark::NotEct);
    assert!(acks.is_due(at(3)));
    assert_eq!(written(&mut acks, at(5), 100), Some((vec![1, 0], 2000, None)));
    assert_eq!(written(&mut acks, at(5), 100), None, "nothing new");
    acks.set_every(1000);
    acks.set_delay(Duration::from_millis(4));
    for n in 2..65 {
        acks.on_packet(at(10), n, true, Mark::NotEct);
    }
    assert_eq!((acks.is_due(at(13)), acks.deadline()), (false, Some(at(14))));
    acks.on_packet(at(10), 65, true, Mark::NotEct);
    assert!(acks.is_due(at(10)));
    acks.set_delay(Duration::from_secs(1));
    assert_eq!(acks.delay, DELAY, "what was promised");
    assert_eq!(acks.older.capacity(), 0, "no heap in order");
}

#[test]
fn gaps_late_packets_and_congestion_are_told_at_once() {
    for numbers in [&[0, 1, 3][..], &[0, 1, 3, 2]] {
        let mut acks = arrived(&numbers[..numbers.len() - 1]);
        written(&mut acks, at(0), 100).unwrap();
        acks.on_packet(at(1), numbers[numbers.len() - 1], true, Mark::NotEct);
        assert!(acks.is_due(at(1)), "{numbers:?}");
    }
    let mut acks = arrived(&[0, 1, 3]);
    written(&mut acks, at(0), 100).unwrap();
    acks.on_packet(at(1), 4, true, Mark::Ect0);
    assert!(!acks.is_due(at(1)), "the gap is no news");
    acks.on_packet(at(1), 5, false, Mark::NotEct);
    written(&mut acks, at(1), 100).unwrap();
    acks.on_packet(at(2), 6, true, Mark::Ce);
    assert!(acks.is_due(at(2)));
    let (numbers, delay, counts) = written(&mut acks, at(2), 100).unwrap();
    assert_eq!((numbers, delay), (vec![6, 5, 4, 3, 1, 0], 0));
    assert_eq!(counts, Some(Ecn { ect0: 1, ect1: 0, ce: 1 }));
}

#[test]
fn packets_that_want_no_answer_get_none_alone() {
    let mut acks = Acks::new(DELAY);
    for n in 0..u64::from(IDLE_EVERY) {
        assert!(!acks.is_wanted());
        acks.on_packet(at(n), n * 2, false, Mark::NotEct);
        assert_eq!(acks.deadline(), None);
    }
    assert!(acks.is_wanted());
    assert_eq!(written(&mut acks, at(99), 200).unwrap().0.len(), IDLE_EVERY as usize);
}

#[test]
fn ranges_are_bounded_and_given_back() {
    let numbers: Vec<u64> = (0..1000).map(|n| n * 2).collect();
    let mut acks = arrived(&numbers);
    assert_eq!(acks.older.len() + 1, RANGES);
    assert_eq!(written(&mut acks, at(0), 4).map(|_| ()), None, "no room is no acknowledgement");
    assert!(acks.is_due(at(0)));
    let (said, ..) = written(&mut acks, at(0), 1000).unwrap();
    assert_eq!((said[0], said.len()), (1998, RANGES));
    acks.on_packet(at(0), 901, true, Mark::NotEct);
    acks.on_ack_of_ack(1998);
    assert!(acks.is_wanted(), "a late one is not forgotten unsaid");
    written(&mut acks, at(0), 1000).unwrap();
    acks.on_ack_of_ack(1998);
    assert_eq!((acks.newest, acks.older.capacity()), (None, 0));
    acks.on_packet(at(1), 1999, true, Mark::NotEct);
    assert!(!acks.is_due(at(1)), "next in order though all before is forgotten");
}

#[test]
fn a_question_is_answered_at_once_and_gaps_are_told_once() {
    let mut acks = arrived(&[0]);
    assert_eq!(acks.deadline(), Some(at(0) + DELAY));
    acks.hasten(at(5));
    assert!(acks.is_due(at(5)) && !acks.take_gap());
    written(&mut acks, at(5), 100);
    acks.hasten(at(6));
    assert_eq!(acks.deadline(), None, "there is nothing to say");
    acks.on_packet(at(7), 2, true, Mark::NotEct);
    assert!(acks.take_gap() && !acks.take_gap());
}
