//! Any datagram of the fast road, and what is inside one once it is open: whatever reads is written back and reads equal.
//! Datagrams have one form each, so those come back byte for byte; varints may be longer than they need be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use roadstead::wire::v1::handshake::{HEAD, PAYLOAD_MAX};
use roadstead::wire::v1::head::HEAD_MAX;
use roadstead::wire::v1::number::LAST;
use roadstead::wire::v1::payload::PARAMETERS_MAX;
use roadstead::wire::v1::{
    Ack, DataHead, Frame, Frames, Full, Initiation, Packet, Truncated, Welcome, Writer, is_fast, varint,
};

fuzz_target!(|data: &[u8]| {
    datagram(data);
    payloads(data);
    frames(data);
    numbers(data);
});

fn datagram(data: &[u8]) {
    let Ok(packet) = Packet::read(data) else { return };
    assert!(is_fast(data));
    let (written, size) = match packet {
        Packet::Data(head) => {
            assert_eq!(DataHead::read(data), Ok(head));
            let mut buffer = [0; HEAD_MAX];
            let mut out = Writer::new(&mut buffer);
            head.write(&mut out).expect("a head fits");
            assert_eq!(out.at(), head.size());
            (out.written().to_vec(), head.size())
        }
        Packet::Intro(intro) => (intro.write(), data.len()),
        Packet::IntroReply(reply) => (reply.write(), data.len()),
        Packet::Hello(hello) => (hello.write(), data.len()),
        // Of another version: the rest is not known.
        Packet::Foreign(head) => (head.bytes().to_vec(), HEAD),
        Packet::Retry(retry) => (retry.write(), data.len()),
        Packet::Cookie(cookie) => (cookie.write(), data.len()),
        Packet::Initiate(initiate) => (initiate.write(), data.len()),
        Packet::Reset(reset) => (reset.write(&data[HEAD..data.len() - 16]), data.len()),
        Packet::Versions(versions) => (versions.write(), data.len()),
    };
    assert_eq!(written, data[..size]);
}

fn payloads(data: &[u8]) {
    if let Ok(welcome) = Welcome::read(data) {
        assert_eq!(Welcome::read(&welcome.write()), Ok(welcome));
    }
    let Ok(said) = Initiation::read(data) else { return };
    let Some(written) = said.write() else {
        // Parameters that were left out, and the padding, take their room.
        assert!(data.len() + PARAMETERS_MAX + 64 > PAYLOAD_MAX);
        return;
    };
    assert!(written.len() <= PAYLOAD_MAX);
    let again = Initiation::read(&written).expect("what we write we read");
    let (early, padding) = again.early.split_at(said.early.len());
    assert!(early == said.early && padding.iter().all(|byte| *byte == 0));
    assert_eq!(Initiation { early: said.early.clone(), ..again }, said);
}

fn frames(data: &[u8]) {
    let mut buffer = vec![0; data.len() + 64];
    let mut all = Frames::new(data);
    while let Some(read) = all.next() {
        let Ok(frame) = read else {
            assert!(all.next().is_none(), "nothing is read behind what is malformed");
            return;
        };
        assert!(!frame.is_idempotent() || !matches!(frame, Frame::Chunk(_) | Frame::Ack(_)));
        let mut out = Writer::new(&mut buffer);
        frame.write(&mut out).expect("no frame grows");
        let size = out.at();
        assert_eq!(one(&buffer[..size]), frame);
        // One byte less: not a byte is written.
        let mut out = Writer::new(&mut buffer[..size - 1]);
        assert_eq!((frame.write(&mut out), out.at()), (Err(Full), 0));
        match frame {
            Frame::Chunk(chunk) => {
                assert_eq!(chunk.overhead(chunk.data.len()) + chunk.data.len(), size);
                let mut out = Writer::new(&mut buffer);
                chunk.write_last(&mut out).expect("shorter without its length");
                let size = out.at();
                assert_eq!(one(&buffer[..size]), frame);
            }
            Frame::Ack(ack) => acked(&ack, &mut buffer),
            Frame::Ids(ids) => assert!(ids.iter().count() <= roadstead::wire::v1::frame::IDS_MAX),
            _ => {}
        }
    }
}

/// The ranges of an acknowledgement are newest first and apart, and written from themselves they are the same.
fn acked(ack: &Ack<'_>, buffer: &mut [u8]) {
    let ranges: Vec<_> = ack.ranges().collect();
    assert!(ranges.iter().all(|(low, high)| low <= high) && ranges[0].1 == ack.largest);
    assert!(ranges.windows(2).all(|pair| pair[0].0 > pair[1].1 + 1));
    let mut out = Writer::new(buffer);
    // The room asked for may be two bytes more than what is used.
    let written = Ack::write_ranges(&mut out, ranges.iter().copied(), ack.delay, ack.ecn);
    assert_eq!(written, ranges.len());
    let size = out.at();
    let Frame::Ack(again) = one(&buffer[..size]) else { panic!("an ack is an ack") };
    assert_eq!((again.delay, again.ecn), (ack.delay, ack.ecn));
    assert!(again.ranges().eq(ranges));
}

fn one(bytes: &[u8]) -> Frame<'_> {
    let mut frames = Frames::new(bytes);
    let frame = frames.next().expect("a frame was written").expect("what we write we read");
    assert!(frames.next().is_none());
    frame
}

fn numbers(data: &[u8]) {
    if let Some((n, size)) = varint::read(data) {
        let mut out = Vec::new();
        varint::push(&mut out, n);
        assert!(out.len() <= size && varint::read(&out) == Some((n, out.len())));
    }
    // A receiver that has everything up to `acked` and a little more gets the number back.
    let Some((first, rest)) = data.split_first_chunk::<8>() else { return };
    let Some((gap, rest)) = rest.split_first_chunk::<4>() else { return };
    let (acked, gap) = (u64::from_be_bytes(*first) % (LAST - (1 << 31)), u32::from_be_bytes(*gap) >> 2);
    let number = acked + 1 + u64::from(gap);
    let cut = Truncated::new(number, Some(acked));
    assert_eq!(cut.expand(Some(acked)), number);
    assert_eq!(cut.expand(Some(number - 1)), number);
    // Whatever came off the wire, the number is one that ends as it says.
    let bytes = &cut.bytes()[4 - cut.size()..];
    if let Some(largest) = rest.first_chunk::<8>() {
        let largest = u64::from_be_bytes(*largest) % LAST;
        let expanded = Truncated::read(bytes).expect("1 to 4 bytes").expand(Some(largest));
        assert!(expanded.to_be_bytes().ends_with(bytes));
    }
}
