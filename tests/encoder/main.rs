//! Whatever is fed to a road that speaks classic, what leaves it is taken by raet 0.6.8, and by Salt behind it, without an
//! error: held against a model of them, and, where there is one, against the Python itself. What cannot be sent fails its
//! ticket with a reason.
// What these tests share is test code too, though clippy looks for `#[test]` only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../attacks/client.rs"]
mod client;
#[path = "../common/mod.rs"]
mod common;
mod feed;
#[cfg(feature = "daemon")]
#[path = "../interop/salt.rs"]
mod kit;
mod model;
#[cfg(feature = "daemon")]
mod oracle;
// The oracle asks a Python questions and drives no stack of it.
#[allow(dead_code)]
#[cfg(feature = "daemon")]
#[path = "../interop/python.rs"]
mod python;
mod question_of_nobody;
mod random_worlds;
mod seat;

use proptest::prelude::*;
use roadstead::transport::Failure;
use roadstead::wire::v0::{BodyKind, HeadKind};

use feed::any_message;
use seat::{Seat, Side};

fn sides() -> impl Strategy<Value = (Side, BodyKind, HeadKind)> {
    let side = prop_oneof![Just(Side::Minion), Just(Side::Master), Just(Side::Raet)];
    let body = prop_oneof![3 => Just(BodyKind::Msgpack), 1 => Just(BodyKind::Json), 1 => Just(BodyKind::Raw)];
    (side, body, prop_oneof![Just(HeadKind::Raet), Just(HeadKind::Json)])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn what_leaves_is_what_python_takes(
        (side, body, head) in sides(), messages in proptest::collection::vec(any_message(), 1..30),
    ) {
        let mut seat = Seat::new(side, body, head);
        for (ticket, message) in messages.iter().enumerate() {
            seat.send(ticket as u64, message.clone());
        }
        let answers = seat.run();
        prop_assert_eq!(answers.len(), messages.len(), "each ticket is answered");
        for (ticket, answer) in &answers {
            let has_reason =
                matches!(answer, Ok(()) | Err(Failure::Malformed | Failure::NotText | Failure::TooLarge));
            prop_assert!(has_reason, "{} {:?}", ticket, answer);
        }
        let sent = answers.values().filter(|answer| answer.is_ok()).count();
        prop_assert_eq!(seat.client.bodies.len(), sent, "and nothing is swallowed");
        let faults = seat.faults();
        prop_assert!(faults.is_empty(), "{:?}: {:?}", side, faults);
    }
}

/// The generator is worth something: of what it makes, some is sent on each side and some is refused.
#[test]
fn the_feed_has_both() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for side in [Side::Minion, Side::Master, Side::Raet] {
        let mut seat = Seat::new(side, BodyKind::Msgpack, HeadKind::Raet);
        for ticket in 0..300 {
            let tree = any_message().new_tree(&mut runner).unwrap();
            seat.send(ticket, proptest::strategy::ValueTree::current(&tree));
        }
        let answers = seat.run();
        for wanted in [Ok(()), Err(Failure::Malformed), Err(Failure::NotText)] {
            let count = answers.values().filter(|answer| **answer == wanted).count();
            assert!(count >= 10, "{side:?}: {count} of 300 are {wanted:?}");
        }
        assert_eq!(seat.faults(), Vec::<String>::new(), "{side:?}");
    }
}
