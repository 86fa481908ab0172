//! What a peer may not do, and what it may.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::road::v1::message::STREAM_CREDIT;
use crate::wire::v1::Opening;
use crate::wire::v1::messages::Messages;

fn chunk<'a>(message: u64, offset: u64, data: &'a [u8], fin: bool, total: Option<u64>) -> Chunk<'a> {
    let opening = Opening { kind: "load", route: b"to", priority: 1, total };
    Chunk { message, offset, fin, opening: (offset == 0).then_some(opening), data }
}

impl Inbox {
    /// For the test of both boxes: credit granted, used and free again, messages ended, runs, refusals not acknowledged,
    /// streams.
    pub(in crate::road::v1) fn counts(&self) -> (u64, u64, u64, u64, usize, usize, usize) {
        let Self { credit, arrived, settled, ended, runs, refusals, flows, .. } = self;
        (credit.total, *arrived, *settled, *ended, *runs, refusals.len(), flows.count())
    }
}

/// What becomes of chunks, one after the other.
fn hear(inbox: &mut Inbox, chunks: &[Chunk<'_>]) -> (Vec<Incoming>, Result<(), Violation>) {
    let mut come = Vec::new();
    let result = chunks.iter().try_for_each(|chunk| inbox.on_chunk(chunk, &mut |incoming| come.push(incoming)));
    (come, result)
}

fn inbox() -> Inbox {
    Inbox::new(Time::ZERO, 1 << 20, 256).with_streams(2)
}

#[test]
fn contradictions_end_the_session() {
    let data = [7; 100];
    for chunks in [
        &[chunk(0, 0, &data, true, Some(99))][..],
        &[chunk(0, 0, &data, false, Some(99))],
        &[chunk(0, 0, &data, false, Some(200)), chunk(0, 150, &data, false, None)],
        &[chunk(0, 0, &data, false, Some(200)), chunk(0, 100, &data[..50], true, None)],
        &[chunk(0, 0, &data, false, Some(200)), chunk(0, 0, &data, false, Some(201))],
        &[chunk(0, 0, &data, false, Some(200)), chunk(0, 0, &data, false, None)],
        &[chunk(0, 100, &data, true, None), chunk(0, 0, &data, false, Some(201))],
        &[chunk(0, 100, &data, true, None), chunk(0, 150, &data, false, None)],
        &[chunk(0, 100, &data, true, None), chunk(0, 100, &data[..50], true, None)],
        &[chunk(0, 100, &data, false, None), chunk(0, 50, &data, true, None)],
        &[chunk(0, 100, &data, false, None), chunk(0, 0, &data, true, Some(100))],
    ] {
        assert_eq!(hear(&mut inbox(), chunks), (vec![], Err(CONTRADICTION)), "{chunks:?}");
    }
    let mut other = chunk(0, 0, &data, false, Some(200));
    other.opening = other.opening.map(|opening| Opening { kind: "other", ..opening });
    assert_eq!(hear(&mut inbox(), &[chunk(0, 0, &data, false, Some(200)), other]).1, Err(CONTRADICTION));
}

#[test]
fn grants_are_the_law() {
    let data = [7; 1000];
    assert_eq!(hear(&mut inbox(), &[chunk(256, 0, &data, true, Some(1000))]).1, Err(OPEN));
    assert_eq!(hear(&mut inbox(), &[chunk(u64::MAX, 1, &data, true, None)]).1, Err(OPEN));
    assert_eq!(hear(&mut inbox(), &[chunk(0, (1 << 62) - 2000, &data, false, None)]).1, Err(CREDIT));
    assert_eq!(hear(&mut inbox(), &[chunk(0, (1 << 20) - 1000 - CHARGE, &data, false, None)]).1, Ok(()));
    assert_eq!(hear(&mut inbox(), &[chunk(0, (1 << 20) - 999 - CHARGE, &data, false, None)]).1, Err(CREDIT));
    let mut small = Inbox::new(Time::ZERO, CHARGE, 256);
    assert_eq!(hear(&mut small, &[chunk(0, 0, b"", true, Some(0))]).1, Ok(()));
    assert_eq!(hear(&mut small, &[chunk(1, 0, b"", true, Some(0))]).1, Err(CREDIT), "empty ones cost too");
}

#[test]
fn drops_count_what_was_sent() {
    let (data, mut inbox, none) = ([7; 100], inbox(), &mut |_| panic!());
    hear(&mut inbox, &[chunk(0, 0, &data, false, Some(500)), chunk(1, 100, &data, false, None)]).1.unwrap();
    assert_eq!(inbox.on_drop(0, 99, none), Err(CONTRADICTION));
    assert_eq!(inbox.on_drop(0, 501, none), Err(CONTRADICTION));
    assert_eq!(inbox.on_drop(0, 1 << 61, &mut |_| {}), Err(CONTRADICTION));
    assert_eq!(inbox.on_drop(1, 1 << 61, &mut |_| {}), Err(CREDIT));
    assert_eq!(inbox.on_drop(256, 0, none), Err(OPEN));
    for _ in 0..2 {
        assert_eq!(inbox.on_drop(0, 300, none), Ok(()));
        assert_eq!(inbox.on_drop(1, 200, none), Ok(()));
        assert_eq!(inbox.on_drop(7, 50, none), Ok(()), "one never seen");
    }
    assert_eq!((inbox.arrived, inbox.settled, inbox.bytes()), (550 + 3 * CHARGE, 550 + 3 * CHARGE, 0));
    assert_eq!(hear(&mut inbox, &[chunk(0, 100, &data, false, None)]), (vec![], Ok(())), "late, and no harm");
}

#[test]
fn too_large_is_refused_and_costs_no_memory() {
    let (data, mut inbox) = ([7; 1000], inbox());
    let result = hear(&mut inbox, &[chunk(0, 0, &data, false, Some(MAX + 1)), chunk(0, 5000, &data, false, None)]);
    assert_eq!((result, inbox.bytes()), ((vec![], Ok(())), 0));
    let (mut buffer, mut carried) = ([0; 100], Vec::new());
    let mut out = Writer::new(&mut buffer);
    assert!(inbox.has_work() && inbox.fill(Time::ZERO, Duration::ZERO, &mut out, &mut |c| carried.push(c)));
    assert_eq!((out.written(), &carried[..]), (&[0x13, 0, 1][..], &[Carried::Refuse(0)][..]));
    assert!(!inbox.has_work());
    inbox.on_lost(&Carried::Refuse(0));
    assert!(inbox.has_work(), "again, until it has arrived");
    inbox.on_acked(&Carried::Refuse(0));
    assert!(!inbox.has_work());
    assert_eq!(inbox.on_drop(0, 6000, &mut |_| panic!()), Ok(()));
    assert_eq!((inbox.settled, inbox.messages()), (6000 + CHARGE, 0));
}

#[test]
fn announced_bytes_cost_nothing() {
    let mut inbox = Inbox::new(Time::ZERO, 1 << 30, 65_536);
    for id in 0..1000 {
        hear(&mut inbox, &[chunk(id, 0, b"x", false, Some(MAX)), chunk(id, 60_000_000, b"y", false, None)])
            .1
            .unwrap_or_default();
    }
    assert!(inbox.bytes() <= 2000);
}

#[test]
fn crumbs_end_the_session() {
    let mut inbox = Inbox::new(Time::ZERO, 1 << 30, 65_536);
    let result = (1..1_000_000).try_for_each(|n| inbox.on_chunk(&chunk(0, n * 2, b"x", false, None), &mut |_| {}));
    assert_eq!(result, Err(CRUMBS));
    assert!(inbox.runs <= RUNS * 2);
    // Honest pieces with every other one lost do not.
    let (mut inbox, data) = (Inbox::new(Time::ZERO, 1 << 30, 65_536), [0; 1000]);
    let result = (1..20_000).try_for_each(|n| inbox.on_chunk(&chunk(0, n * 2000, &data, false, None), &mut |_| {}));
    assert_eq!(result, Ok(()));
}

#[test]
fn a_stream_is_handed_over_in_order() {
    let mut inbox = inbox();
    let pieces = [
        chunk(0, 3, b"def", false, None),
        chunk(0, 0, b"abc", false, None),
        chunk(0, 6, b"", true, None),
        chunk(0, 6, b"", true, None),
    ];
    let opened = |come: &[Incoming]| matches!(come, [Incoming::Opened { message: 0, .. }]);
    let take = |inbox: &mut Inbox| {
        let mut come = Vec::new();
        inbox.want(Time::ZERO, 0);
        inbox.hand_over(Time::ZERO, Duration::ZERO, &mut |incoming| match incoming {
            Incoming::Piece { message: 0, data, is_last } => come.push((data, is_last)),
            other => panic!("{other:?}"),
        });
        come
    };
    let (come, result) = hear(&mut inbox, &pieces[..2]);
    assert!(opened(&come) && result.is_ok());
    assert_eq!((inbox.settled, inbox.bytes()), (0, 6), "nothing is free again before somebody took it");
    assert_eq!(take(&mut inbox), [("abcdef".into(), false)]);
    assert_eq!((inbox.settled, inbox.bytes()), (6, 0));
    assert_eq!(take(&mut inbox), [], "asked for, and not there");
    assert_eq!(hear(&mut inbox, &pieces[2..]), (vec![], Ok(())));
    let mut come = Vec::new();
    inbox.hand_over(Time::ZERO, Duration::ZERO, &mut |incoming| come.push(incoming));
    assert_eq!(come, [Incoming::Piece { message: 0, data: Bytes::new(), is_last: true }]);
    assert_eq!((inbox.settled, inbox.messages(), inbox.ended), (6 + CHARGE, 0, 1));
}

#[test]
fn a_stream_that_nobody_reads_ends_at_its_grant() {
    let (mut inbox, data) = (inbox(), vec![7; STREAM_CREDIT as usize]);
    hear(&mut inbox, &[chunk(0, 0, &data, false, None)]).1.unwrap();
    assert_eq!(hear(&mut inbox, &[chunk(0, STREAM_CREDIT, b"x", false, None)]).1, Err(STREAM));
    assert_eq!(hear(&mut inbox, &[chunk(1, 1, &data, false, None), chunk(1, 0, b"x", false, None)]).1, Err(STREAM));
    let (mut taken, mut buffer, mut carried) = (0, [0; 100], Vec::new());
    while taken < data.len() {
        inbox.want(Time::ZERO, 0);
        inbox.hand_over(Time(1), Duration::from_secs(1), &mut |incoming| match incoming {
            Incoming::Piece { data, .. } => taken += data.len(),
            other => panic!("{other:?}"),
        });
    }
    let mut out = Writer::new(&mut buffer);
    inbox.fill(Time(1), Duration::ZERO, &mut out, &mut |c| carried.push(c));
    assert!(carried.contains(&Carried::More(0)), "{carried:?}");
    assert_eq!(hear(&mut inbox, &[chunk(0, STREAM_CREDIT, b"x", false, None)]).1, Ok(()));
    assert!(!inbox.has_work());
    inbox.on_lost(&Carried::More(0));
    assert!(inbox.has_work());
}

#[test]
fn only_so_many_streams_at_once() {
    let mut inbox = inbox();
    for id in 0..2 {
        assert_eq!(hear(&mut inbox, &[chunk(id, 0, b"x", true, None)]).0.len(), 1);
    }
    assert_eq!(hear(&mut inbox, &[chunk(2, 0, b"x", true, None)]), (vec![], Ok(())));
    assert!(inbox.is_refusing(2..3) && inbox.has_work());
    let mut come = Vec::new();
    inbox.refuse(1, reason::UNWANTED);
    hear(&mut inbox, &[chunk(3, 1, b"y", false, None), chunk(3, 0, b"x", false, None)]).1.unwrap();
    inbox.hand_over_rest(&mut |incoming| come.push(incoming));
    let piece = Incoming::Piece { message: 0, data: "x".into(), is_last: true };
    assert_eq!(come, [piece, Incoming::Cut { message: 3 }], "what came whole, and what did not");
}

#[test]
fn a_held_inbox_grants_nothing() {
    let (mut inbox, data) = (Inbox::new(Time::ZERO, 1000, 2), [0; 900]);
    hear(&mut inbox, &[chunk(0, 0, &data, true, Some(900))]).1.unwrap();
    inbox.hold(true);
    assert!(!inbox.has_work());
    assert_eq!((inbox.poll_credit(Time(1), Duration::ZERO), inbox.poll_open(Time(1), Duration::ZERO)), (None, None));
    inbox.hold(false);
    assert!(inbox.has_work());
    assert_eq!(inbox.poll_credit(Time(1), Duration::ZERO), Some(900 + CHARGE + 1000));
    assert_eq!(inbox.poll_open(Time(1), Duration::ZERO), Some(3));
}

proptest! {
    #[test]
    fn anything_may_arrive(
        chunks in proptest::collection::vec((0u64..6, 0u64..400, 0usize..200, any::<(bool, bool)>(), 0u64..500), 1..200),
    ) {
        let (data, mut inbox) = ([7; 200], Inbox::new(Time::ZERO, 5000, 5).with_streams(2));
        for (message, offset, len, (fin, is_drop), total) in chunks {
            let mut pieces = 0;
            let mut deliver = |incoming| pieces += usize::from(matches!(incoming, Incoming::Whole { .. }));
            let before = (inbox.arrived, inbox.bytes(), inbox.messages());
            let result = match is_drop && fin {
                true => inbox.on_drop(message, offset, &mut deliver),
                false => {
                    let total = total.checked_sub(100);
                    inbox.on_chunk(&chunk(message, offset / 50 * 50, &data[..len], fin, total), &mut deliver)
                }
            };
            prop_assert!(pieces <= 1);
            if result.is_err() {
                prop_assert_eq!(before, (inbox.arrived, inbox.bytes(), inbox.messages()), "refused before anything changed");
            }
            let held: usize = inbox.partial.values().map(|partial| partial.assembly.held()).sum();
            let runs: usize = inbox.partial.values().map(|partial| partial.assembly.runs()).sum();
            prop_assert_eq!((held, runs), (inbox.held, inbox.runs));
            prop_assert!(inbox.flows.count() <= 2);
            prop_assert!(inbox.arrived <= inbox.credit.total && inbox.settled <= inbox.arrived);
            prop_assert!(inbox.bytes() as u64 <= inbox.arrived - inbox.settled);
            prop_assert_eq!(inbox.ended, (0..6).filter(|id| inbox.over.contains(*id)).count() as u64);
        }
    }
}

/// What becomes of a frame with these bodies.
fn hear_run(inbox: &mut Inbox, first: u64, bodies: &[&[u8]]) -> (Vec<Incoming>, Result<(), Violation>) {
    let mut buffer = vec![0; 3000];
    let mut out = Writer::new(&mut buffer);
    let mut joining = Messages::begin(first, ("load", b"to", 1), bodies[0], &mut out).unwrap();
    assert!(bodies[1..].iter().all(|body| joining.push(body, &mut out)));
    let Some(Ok(Frame::Messages(messages))) = crate::wire::v1::Frames::new(out.written()).next() else { panic!() };
    let mut come = Vec::new();
    let result = inbox.on_messages(&messages, &mut |incoming| come.push(incoming));
    (come, result)
}

#[test]
fn messages_come_together_or_each_alone() {
    let mut inbox = inbox();
    let (come, heard) = hear_run(&mut inbox, 3, &[b"three", b"", b"five"]);
    let [Incoming::Run { heading, bodies }] = &come[..] else { panic!("{come:?}") };
    assert_eq!((heard, heading.kind.as_str(), &heading.route[..], bodies.len()), (Ok(()), "load", &b"to"[..], 3));
    assert!(bodies.clone().eq([&b"three"[..], b"", b"five"].map(Bytes::copy_from_slice)));
    assert_eq!((inbox.arrived, inbox.settled, inbox.ended), (9 + 3 * CHARGE, 9 + 3 * CHARGE, 3));
    assert_eq!(hear_run(&mut inbox, 3, &[b"three", b"", b"five"]), (vec![], Ok(())), "again");
    let (come, heard) = hear_run(&mut inbox, 2, &[b"two", b"three", b"", b"five", b"six"]);
    let come: Vec<_> =
        come.into_iter().map(|c| if let Incoming::Whole { body, .. } = c { body } else { panic!() }).collect();
    assert_eq!((come, heard), (vec![Bytes::from("two"), Bytes::from("six")], Ok(())), "what was new of it");
    // A piece of one was there.
    hear(&mut inbox, &[chunk(8, 2, b"gh", true, None)]).1.unwrap();
    assert_eq!(hear_run(&mut inbox, 7, &[b"seven", b"eigh"]).0.len(), 2);
    assert_eq!(inbox.bytes(), 0);
    hear(&mut inbox, &[chunk(9, 2, b"gh", true, None)]).1.unwrap();
    assert_eq!(hear_run(&mut inbox, 9, &[b"nine!"]).1, Err(CONTRADICTION), "it has four bytes");
}

#[test]
fn grants_are_the_law_of_messages_too() {
    assert_eq!(hear_run(&mut inbox(), 254, &[b"a", b"b"]).1, Ok(()));
    assert_eq!(hear_run(&mut inbox(), 255, &[b"a", b"b"]).1, Err(OPEN));
    assert_eq!(hear_run(&mut inbox(), 1 << 61, &[b"a"]).1, Err(OPEN));
    let mut small = Inbox::new(Time::ZERO, 2 * CHARGE + 1, 256);
    assert_eq!(hear_run(&mut small, 0, &[b"a", b"b"]).1, Err(CREDIT));
    assert_eq!(hear_run(&mut small, 0, &[b"a", b""]).1, Ok(()));
}

#[test]
fn refusals_the_peer_does_not_confirm_have_an_end() {
    let mut inbox = Inbox::new(Time::ZERO, 1 << 20, 256);
    let (rtt, most) = (Duration::from_millis(1), 256);
    let mut refused = 0;
    let told = loop {
        // A stream that nobody takes, over as it begins.
        if let Err(broken) = hear(&mut inbox, &[chunk(refused, 0, b"", true, None)]).1 {
            break broken;
        }
        refused += 1;
        inbox.poll_credit(Time::ZERO, rtt);
        inbox.poll_open(Time::ZERO, rtt);
        assert!(refused <= most, "{refused} refusals are held");
    };
    assert_eq!((told, refused), (OPEN, most));
    // Whoever confirms may go on.
    (0..most / 2).for_each(|message| inbox.on_acked(&Carried::Refuse(message)));
    assert!(inbox.poll_open(Time(1), rtt).is_some_and(|below| below > most));
}
