//! Frames: every kind goes there and back, nothing that arrives can do harm.

use proptest::prelude::*;

use super::super::varint;
use super::*;

fn number() -> impl Strategy<Value = u64> {
    (0..=varint::MAX, 0u32..62).prop_map(|(n, shift)| n >> shift)
}

/// A frame of every kind with its bytes; made through a closure because frames borrow.
fn with_frames(seed: (u8, u64, u64, u64), data: &[u8], word: &str, check: impl Fn(Frame<'_>)) {
    let (flags, a, b, c) = seed;
    let mut list = Vec::new();
    for i in 0..u64::from(flags % 9) {
        Ids::pack(a ^ i, &[flags; 16], &mut list);
    }
    let total = (flags & 1 == 0).then_some(b.min(varint::MAX - 1));
    let opening = Opening { kind: word, route: data, priority: flags, total };
    let first = Chunk { message: a, offset: 0, fin: flags & 2 == 0, opening: Some(opening), data };
    let later = Chunk { message: a, offset: b.clamp(1, varint::MAX / 2), fin: flags & 2 == 0, opening: None, data };
    for frame in [
        Frame::Pad(1 + usize::from(flags)),
        Frame::Ping,
        Frame::Chunk(first),
        Frame::Chunk(later),
        Frame::Credit(a),
        Frame::Open(b),
        Frame::Drop { message: c, end: a },
        Frame::Refuse { message: a, reason: b },
        Frame::Close { code: c, reason: word },
        Frame::Probe(a.to_be_bytes()),
        Frame::Probed(b.to_be_bytes()),
        Frame::Ids(Ids::new(a, b.min(a), &list).unwrap()),
        Frame::Datagram(data),
        Frame::Welcome(data),
        Frame::More { message: b, below: c },
        Frame::Renew { turn: a, body: [3; 48] },
        Frame::Renewed { turn: b, body: [4; 48] },
    ] {
        check(frame);
    }
}

proptest! {
    #[test]
    fn round_trips(
        seed in (any::<u8>(), number(), number(), number()),
        data in proptest::collection::vec(any::<u8>(), 0..300), word in "[a-zé]{0,40}",
    ) {
        with_frames(seed, &data, &word, |frame| {
            let mut buffer = [0xff; 1000];
            let mut writer = Writer::new(&mut buffer);
            frame.write(&mut writer).unwrap();
            let size = writer.at();
            // Something behind it, so that the end is really known; padding would run into padding.
            Frame::Ping.write(&mut writer).unwrap();
            let mut frames = Frames::new(&buffer[..=size]);
            assert_eq!(frames.next(), Some(Ok(frame)));
            assert_eq!(frames.next(), Some(Ok(Frame::Ping)));
            assert_eq!(frames.next(), None);
            // One byte short: neither written nor read.
            let mut short = vec![0; size - 1];
            let mut writer = Writer::new(&mut short);
            assert_eq!(frame.write(&mut writer), Err(Full));
            assert_eq!(writer.at(), 0);
            if !matches!(frame, Frame::Pad(_)) {
                assert!(Frames::new(&buffer[..size - 1]).all(|frame| frame.is_ok()) == (size == 1));
            }
            if let Frame::Chunk(chunk) = frame {
                assert_eq!(chunk.overhead(chunk.data.len()) + chunk.data.len(), size);
                let mut buffer = [0; 1000];
                let mut writer = Writer::new(&mut buffer);
                chunk.write_last(&mut writer).unwrap();
                let size = writer.at();
                assert_eq!(Frames::new(&buffer[..size]).collect::<Vec<_>>(), [Ok(frame)]);
            }
        });
    }

    #[test]
    fn never_panics_and_ends(bytes in proptest::collection::vec(any::<u8>(), 0..100), kind in 0u8..0x1f) {
        let mut typed = vec![kind];
        typed.extend_from_slice(&bytes);
        for bytes in [bytes, typed] {
            let frames: Vec<_> = Frames::new(&bytes).collect();
            prop_assert!(frames.len() <= bytes.len());
            prop_assert!(frames.iter().rev().skip(1).all(|frame| frame.is_ok()), "stops at the first bad frame");
            for frame in frames.into_iter().flatten() {
                match frame {
                    Frame::Ack(ack) => prop_assert!(ack.ranges().count() <= bytes.len()),
                    Frame::Ids(ids) => prop_assert!(ids.iter().count() <= IDS_MAX),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn limits_hold() {
    let long = [b'x'; 2000];
    let word = std::str::from_utf8(&long).unwrap();
    let opening = Opening { kind: "load", route: b"", priority: 0, total: Some(varint::MAX) };
    let chunk = Chunk { message: 0, offset: 0, fin: true, opening: Some(opening), data: b"" };
    let named = Opening { kind: word, total: None, ..opening };
    let routed = Opening { route: &long, total: None, ..opening };
    for frame in [
        Frame::Chunk(chunk),
        Frame::Chunk(Chunk { opening: None, ..chunk }),
        Frame::Chunk(Chunk { offset: 1, ..chunk }),
        Frame::Chunk(Chunk { opening: None, offset: varint::MAX, data: b"x", ..chunk }),
        Frame::Chunk(Chunk { opening: Some(named), ..chunk }),
        Frame::Chunk(Chunk { opening: Some(routed), ..chunk }),
        Frame::Close { code: 0, reason: word },
        Frame::Welcome(&long),
        Frame::Credit(varint::MAX + 1),
    ] {
        assert_eq!(frame.write(&mut Writer::new(&mut [0; 5000])), Err(Full), "{frame:?}");
    }
    assert_eq!(Ids::new(1, 2, &[]), None, "cannot retire what was never given");
    assert_eq!(Ids::new(0, 0, &[0; 25]), None);
    assert_eq!(Ids::new(0, 0, &[0; 9 * 24]), None);
}

#[test]
fn illegal_frames_are_refused() {
    for (bad, what, at) in [
        (&[0x1e][..], "unknown frame", 0),
        (&[0x04], "unknown frame", 0),
        (&[0x01, 0x40, 0x01], "unknown frame", 1),
        (&[0x08, 1, 0], "chunk offset", 2),
        (&[0x0e, 1, 1, 0xff, 0, 0, 0, 0], "message kind", 2),
        (&[0x14, 1, 1, 0xff], "close reason", 2),
        (&[0x17, 0, 0, 1, 7], "ids", 3),
        (&[0x19, 0x44, 0x01], "welcome", 1),
    ] {
        assert_eq!(Frames::new(bad).last(), Some(malformed(what, at)), "{bad:02x?}");
    }
}

#[test]
fn only_harmless_frames_ride_early() {
    assert!(Frame::Ping.is_idempotent() && Frame::Datagram(b"").is_idempotent() && Frame::Pad(1).is_idempotent());
    with_frames((2, 1, 1, 1), b"x", "x", |frame| {
        let is_harmless = matches!(frame, Frame::Ping | Frame::Datagram(_) | Frame::Pad(_));
        assert_eq!(frame.is_idempotent(), is_harmless, "{frame:?}");
    });
}
