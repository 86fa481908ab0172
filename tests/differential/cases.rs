//! Scripts that found faults of ours, cut down to what was needed. Each must end well with either in the seat.

use roadstead::base::Acceptance;
use roadstead::wire::v0::{PacketKind, TransactKind};

use crate::script::{Memory, Script, Side, Step, Weather};
use crate::theirs::Seat;
use crate::{python, with_ours, with_theirs};

/// Whoever sits in the seat, in the end both are together, everything sent then arrives, and nobody has crashed.
fn ends_well(script: Script) {
    let Some(python) = python() else { return };
    let theirs = with_theirs(&script, &mut Seat::new(python), true);
    for (who, run) in [("ours", with_ours(&script, true)), ("theirs", theirs)] {
        let is_well = run.probes.is_together && run.rescued.is_none() && run.ends.is_empty();
        assert!(is_well, "with {who}: {:?} {:?}\n{}", run.probes, run.ends, run.story.join("\n"));
    }
}

/// Then raet answers our next response with a nack, and says hello to us for ever if we forget it for that.
#[test]
fn the_acknowledgement_of_a_join_is_lost() {
    let steps = [(0, Step::Steal(Side::Minion, TransactKind::Join, PacketKind::Ack, 1)), (20_000, SEND)];
    ends_well(Script::of(1, &steps));
}

/// Our response waits in its socket, and we have long given up waiting for an acknowledgement.
#[test]
fn a_minion_sleeps_while_its_key_is_accepted() {
    let steps = [
        (1_500, Step::Sleep(Side::Minion, secs(70))),
        (2_000, Step::Decide(Some(Acceptance::Accepted))),
        (80_000, SEND),
    ];
    ends_well(Script { is_auto: false, ..Script::of(2, &steps) });
}

/// Our responses are lost, and so would be a last word that ends a join Salt's minion never begins again.
#[test]
fn responses_are_lost_until_we_give_up() {
    let mut steps = vec![(0, Step::Steal(Side::Main, TransactKind::Join, PacketKind::Response, 6))];
    steps.extend([(0, Step::Steal(Side::Minion, TransactKind::Join, PacketKind::Request, 2)), (20_000, SEND)]);
    ends_well(Script::of(3, &steps));
}

/// Refused once we gave up, Salt's minion would wait for us to begin.
#[test]
fn cookies_are_lost_until_we_give_up() {
    let steps = [(0, Step::Steal(Side::Main, TransactKind::Allow, PacketKind::Cookie, 6)), (20_000, SEND)];
    ends_well(Script::of(4, &steps));
}

/// raet repeats an initiate for ever and says no hello any more.
#[test]
fn initiates_are_lost_until_we_give_up() {
    let steps = [(0, Step::Steal(Side::Minion, TransactKind::Allow, PacketKind::Initiate, 8)), (20_000, SEND)];
    ends_well(Script::of(5, &steps));
}

/// The link is cut for minutes just when a minion has joined for the first time.
#[test]
fn cut_off_between_join_and_hello() {
    let steps = [(300, Step::Cut(true)), (200_000, Step::Cut(false)), (1_000, SEND)];
    ends_well(Script::of(6, &steps));
}

/// Both start again at once: our half-done handshake stands in the way of its hello, and Salt's minion says one only.
#[test]
fn both_start_again_in_the_middle_of_a_handshake() {
    let slow = Weather { delay: std::time::Duration::from_millis(30), ..Weather::FINE };
    let mut steps = vec![(0, Step::Weather(slow)), (10_000, Step::Restart(Side::Main, Memory::Keep))];
    steps.extend([(130, Step::Restart(Side::Minion, Memory::Keep)), (20_000, SEND)]);
    ends_well(Script::of(7, &steps));
}

/// It is not in the session any more when it is found at its new address.
#[test]
fn a_minion_moves_and_has_left_the_session() {
    let mut steps = vec![(10_000, Step::Steal(Side::Main, TransactKind::Message, PacketKind::Done, 3)), (0, SEND)];
    steps.extend([(500, Step::Cut(true)), (3_000, Step::Nudge("allow")), (4_900, Step::Move)]);
    steps.extend([(100, Step::Cut(false)), (40_000, SEND)]);
    ends_well(Script::of(8, &steps));
}

/// What we ask for again is sealed under keys raet has thrown away at our hello, and it ends on that.
#[test]
fn segments_are_missing_when_we_say_hello() {
    let from_main = Step::Send(Side::Main, 9_000);
    let slow = Weather { delay: std::time::Duration::from_millis(300), ..Weather::FINE };
    let mut steps = vec![(0, Step::Weather(slow)), (10_000, Step::Cut(true)), (100, from_main)];
    // So that it takes a handshake to be together again.
    for packet in [PacketKind::Request, PacketKind::Ack] {
        steps.push((0, Step::Steal(Side::Main, TransactKind::Alive, packet, 100)));
    }
    // Just before ours asks for a join.
    steps.extend([(31_800, Step::Cut(false)), (20_000, SEND)]);
    ends_well(Script { seat: Side::Main, ..Script::of(9, &steps) });
}

const SEND: Step = Step::Send(Side::Minion, 100);

fn secs(secs: u64) -> std::time::Duration {
    std::time::Duration::from_secs(secs)
}
