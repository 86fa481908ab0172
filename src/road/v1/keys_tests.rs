//! Packet keys: both suites, key updates, and what forged packets may not change.

use proptest::prelude::*;

use super::*;
use crate::wire::v1::Writer;

const PTO: Duration = Duration::from_millis(100);

struct Side {
    keys: Keys,
    seen: Seen,
    next: u64,
}

fn pair(suite: Suite) -> (Side, Side) {
    pair_with(suite, Bounds { packets: 3, bytes: 1 << 20, age: Duration::from_secs(600) })
}

fn pair_with(suite: Suite, bounds: Bounds) -> (Side, Side) {
    let (up, down) = (Secret::from_bytes([1; 32]), Secret::from_bytes([2; 32]));
    let side = |direction, send, receive| Side {
        keys: Keys::new(suite, direction, send, receive, Time::ZERO).with_bounds(bounds),
        seen: Seen::new(),
        next: 0,
    };
    (side(Direction::ToResponder, &up, &down), side(Direction::ToInitiator, &down, &up))
}

impl Side {
    fn packet(&mut self, now: Time, frames: &[u8]) -> Vec<u8> {
        let number = self.next;
        self.next += 1;
        let head = self.keys.head(now, 77, number, number.checked_sub(1));
        let mut packet = vec![0; head.size() + frames.len() + TAG];
        let mut writer = Writer::new(&mut packet);
        head.write(&mut writer).unwrap();
        writer.put(frames).unwrap();
        self.keys.seal(&head, number, &mut packet).unwrap();
        packet
    }

    fn open(&mut self, now: Time, packet: &[u8]) -> Result<(u64, Vec<u8>), Refused> {
        let mut packet = packet.to_vec();
        self.keys.open(now, PTO, &mut self.seen, &mut packet).map(|opened| (opened.number, opened.frames.to_vec()))
    }
}

#[test]
fn packets_open_once_and_only_on_the_other_side() {
    for suite in Suite::ALL {
        let (mut ours, mut theirs) = pair(suite);
        let packet = ours.packet(Time::ZERO, b"frames");
        assert_eq!(ours.open(Time::ZERO, &packet), Err(Refused::Forged), "a reflected packet");
        assert_eq!(theirs.open(Time::ZERO, &packet), Ok((0, b"frames".to_vec())));
        assert_eq!(theirs.open(Time::ZERO, &packet), Err(Refused::Replayed));
        let short = Malformed { what: "length of a data packet", at: 20 };
        assert_eq!(pair(suite).1.open(Time::ZERO, &packet[..20]), Err(Refused::Malformed(short)));
    }
}

#[test]
fn a_changed_bit_changes_no_state() {
    for suite in Suite::ALL {
        let (mut ours, mut theirs) = pair(suite);
        let packet = ours.packet(Time::ZERO, b"frames");
        for bit in 0..packet.len() * 8 {
            let mut bad = packet.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            theirs.open(Time::ZERO, &bad).unwrap_err();
            assert_eq!((theirs.keys.epochs(), theirs.seen.largest()), ((0, 0), None), "bit {bit}");
        }
        assert!(theirs.keys.forgeries() > 0);
        assert_eq!(theirs.open(Time::ZERO, &packet), Ok((0, b"frames".to_vec())));
    }
}

#[test]
fn epochs_turn_after_their_bound_and_once_known() {
    let (mut ours, mut theirs) = pair(Suite::Nacl);
    let now = Time::ZERO;
    for number in 0..5 {
        let packet = ours.packet(now, b"x");
        assert_eq!(theirs.open(now, &packet).unwrap().0, number);
    }
    assert_eq!(ours.keys.epochs(), (0, 0), "the bound is 3 packets, but nothing was acknowledged");
    ours.keys.on_acked(4);
    let late = ours.packet(now, b"late");
    assert_eq!(late[1], 1, "the epoch is in the head");
    let old = {
        // A packet of the old epoch that is still on its way.
        let (mut twin, _) = pair(Suite::Nacl);
        twin.next = 100;
        twin.packet(now, b"old")
    };
    assert_eq!(theirs.open(now, &late).unwrap().1, b"late");
    assert_eq!(theirs.keys.epochs(), (0, 1), "the receiver follows, and only in that direction");
    let until = now + PTO * 3;
    assert_eq!(theirs.keys.on_timeout(now), Some(until));
    assert_eq!(theirs.open(until, &old), Err(Refused::Epoch));
    assert_eq!(theirs.open(now + PTO * 2, &old).unwrap().1, b"old");
    assert_eq!(theirs.keys.on_timeout(until), None);
}

#[test]
fn epochs_turn_by_bytes_and_by_age() {
    for (bytes, age) in [(100, Duration::from_secs(600)), (1 << 40, Duration::from_secs(5))] {
        let (mut ours, _) = pair(Suite::Nacl);
        ours.keys = ours.keys.with_bounds(Bounds { packets: 1 << 24, bytes, age });
        ours.packet(Time::ZERO, &[0; 100]);
        ours.keys.on_acked(0);
        ours.packet(Time(6_000_000), b"x");
        assert_eq!(ours.keys.epochs(), (1, 0));
    }
}

#[test]
fn epochs_go_round() {
    let (mut ours, mut theirs) = pair(Suite::Nacl);
    ours.keys = ours.keys.with_bounds(Bounds { packets: 1, ..BOUNDS });
    for number in 0..600 {
        let packet = ours.packet(Time::ZERO, b"x");
        assert_eq!(packet[1], number as u8);
        assert_eq!(theirs.open(Time::ZERO, &packet).unwrap().0, number);
        ours.keys.on_acked(number);
    }
    assert_eq!(theirs.keys.epochs(), (0, 599));
}

#[test]
fn hard_stops() {
    let (mut ours, mut theirs) = pair(Suite::Nacl);
    let head = ours.keys.head(Time::ZERO, 1, LAST, Some(LAST - 1));
    assert_eq!(ours.keys.seal(&head, LAST, &mut [0; 64]), Err(Unsealed));
    assert_eq!(ours.keys.seal(&head, 5, &mut [0; 20]), Err(Unsealed), "no room for the tag");
    let packet = ours.packet(Time::ZERO, b"x");
    theirs.keys.receive.forgeries = FORGERIES;
    assert_eq!(theirs.open(Time::ZERO, &packet), Err(Refused::Spent));
}

#[test]
fn an_idle_session_s_keys_are_small() {
    // Road v1 "Flow control and memory": 4 KiB for all of an idle estate. Idle, there is one key a direction.
    let keys = size_of::<Keys>() + size_of::<Seen>();
    // AWS-LC's `EVP_AEAD_CTX` with its allocator's head: 608 bytes of resident memory each, measured over 100,000 keys.
    let expanded = 2 * 608;
    assert!(keys <= 768 && keys + expanded <= 2048, "{keys} and {expanded} bytes");
}

#[test]
fn keys_are_not_printed() {
    assert_eq!(format!("{:?}", pair(Suite::Nacl).0.keys), "Keys(Nacl, epochs (0, 0))");
}

proptest! {
    #[test]
    fn any_order_with_duplicates_opens_each_once(order in proptest::collection::vec(0usize..12, 1..60), aes: bool) {
        let (mut ours, mut theirs) = pair(if aes { Suite::Aes256Gcm } else { Suite::Nacl });
        let packets: Vec<_> = (0u8..12).map(|n| ours.packet(Time::ZERO, &[n])).collect();
        let mut taken = [false; 12];
        for at in order {
            let expected = if taken[at] { Err(Refused::Replayed) } else { Ok((at as u64, vec![at as u8])) };
            prop_assert_eq!(theirs.open(Time::ZERO, &packets[at]), expected);
            taken[at] = true;
        }
    }

    #[test]
    fn never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), first in 0xc0u8..0xc4) {
        let (_, mut theirs) = pair(Suite::Nacl);
        prop_assert!(theirs.open(Time::ZERO, &bytes).is_err());
        bytes.insert(0, first);
        prop_assert!(theirs.open(Time::ZERO, &bytes).is_err());
    }
}

/// Both sides renew, the one that asked first.
fn renew(asks: &mut Side, answers: &mut Side) {
    let (there, back) = (Secret::from_bytes([21; 32]), Secret::from_bytes([22; 32]));
    answers.keys.renew(back.clone(), there.clone(), false);
    asks.keys.renew(there, back, true);
}

#[test]
fn who_knows_the_chain_alone_is_shut_out_by_a_renewal() {
    for suite in Suite::ALL {
        let ((mut ours, mut theirs), (_, mut thief)) = (pair(suite), pair(suite));
        let now = Time::ZERO;
        let first = ours.packet(now, b"before");
        assert!(theirs.open(now, &first).is_ok() && thief.open(now, &first).is_ok(), "the thief has the chain");
        ours.keys.on_acked(0);
        renew(&mut ours, &mut theirs);
        let packet = ours.packet(now, b"after");
        assert_eq!(thief.open(now, &packet), Err(Refused::Forged));
        assert_eq!(theirs.open(now, &packet).unwrap().1, b"after");
        // That packet has shown that we have ours: now the way back moves on as well.
        let back = theirs.packet(now, b"back");
        assert_eq!(theirs.keys.epochs(), (0, 1), "the peer has acknowledged nothing of this epoch yet");
        assert!(ours.open(now, &back).is_ok());
        theirs.keys.on_acked(0);
        let back = theirs.packet(now, b"back, fresh");
        assert_eq!(ours.open(now, &back).unwrap().1, b"back, fresh");
        assert!(!ours.keys.is_renewing() && !theirs.keys.is_renewing());
        assert_eq!((ours.keys.epochs(), theirs.keys.epochs()), ((1, 1), (1, 1)));
    }
}

#[test]
fn a_plain_turn_may_come_between() {
    let (mut ours, mut theirs) = pair_with(Suite::Nacl, Bounds { packets: 1, ..BOUNDS });
    let now = Time::ZERO;
    let first = theirs.packet(now, b"one");
    assert!(ours.open(now, &first).is_ok());
    theirs.keys.on_acked(0);
    renew(&mut ours, &mut theirs);
    // Ours is not mixed in before a fresh packet of the peer's: this turn is for its packets alone.
    let plain = theirs.packet(now, b"two");
    assert_eq!(ours.open(now, &plain).unwrap().1, b"two");
    let spoilt = {
        let mut spoilt = theirs.packet(now, b"x");
        *spoilt.last_mut().unwrap() ^= 1;
        spoilt
    };
    assert!(ours.open(now, &spoilt).is_err() && ours.keys.is_renewing());
    let first = ours.packet(now, b"one");
    assert!(theirs.open(now, &first).is_ok());
    ours.keys.on_acked(0);
    let mixed = ours.packet(now, b"mixed");
    assert_eq!(theirs.open(now, &mixed).unwrap().1, b"mixed");
    theirs.keys.on_acked(u64::MAX);
    let back = theirs.packet(now, b"back");
    assert_eq!(ours.open(now, &back).unwrap().1, b"back");
    assert!(!ours.keys.is_renewing() && !theirs.keys.is_renewing());
}
