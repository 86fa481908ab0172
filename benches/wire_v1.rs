//! What a packet, a frame and a handshake of the fast road cost, without sockets: sealing beside RustCrypto's ciphers and
//! beside a copy of the same bytes, so that the figures mean something on another machine.
//!
//! `cargo bench --bench wire_v1` prints tables; nothing is asserted. Each figure is the best of several rounds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench has nobody to report to but its reader"
)]

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aes_gcm::Aes256Gcm;
use crypto_secretbox::XSalsa20Poly1305;
use crypto_secretbox::aead::{AeadInPlace, KeyInit};
use roadstead::base::{Name, Random, Time, Wall};
use roadstead::clock::Clock;
use roadstead::keep::OwnKeys;
use roadstead::nacl::seal::TAG;
use roadstead::nacl::{Direction, Record, RecordKey, Secret, SecretKey, Suite, derive};
use roadstead::road::v1::handshake::{Answer, Dial, Identity, Initiator, Progress, Responder, Rules};
use roadstead::road::v1::{Keys, Seen};
use roadstead::wire::v1::head::HEAD_MAX;
use roadstead::wire::v1::{Ack, Chunk, DataHead, Frame, Frames, Opening, Parameters, Truncated, Writer};

/// How long one round is measured, shorter than the slices in which a busy machine takes the processor away, and how many.
const ROUND: Duration = Duration::from_millis(2);
const ROUNDS: usize = 200;
/// Bytes of a small packet, of one that fits every path, of Ethernet's, of a jumbo frame, of loopback's.
const SIZES: [usize; 5] = [64, 1200, 1452, 8900, 65_000];
/// Handshakes with initiators the responder never saw.
const STRANGERS: u64 = 1000;

fn main() {
    println!("suites, best first on this processor: {:?}\n", Suite::preferred());
    println!(
        "{:<30} {:>9} {:>7} {:>14} {:>7} {:>13}",
        "sealing", "ns", "GB/s", "RustCrypto ns", "faster", "copies' time"
    );
    for suite in [Suite::Nacl, Suite::Aes256Gcm] {
        SIZES.into_iter().for_each(|size| sealing(suite, size));
    }
    println!("\n{:<44} {:>9}", "keys and cookies", "ns");
    keys();
    println!("\n{:<44} {:>9}", "heads and frames", "ns");
    heads();
    frames();
    println!("\n{:<44} {:>9}", "head, chunk, seal; open, frames", "ns");
    for suite in [Suite::Nacl, Suite::Aes256Gcm] {
        SIZES.into_iter().for_each(|size| packets(suite, size));
    }
    println!("\n{:<44} {:>9} {:>9} {:>9}", "handshakes, µs", "both", "initiator", "responder");
    handshakes();
}

/// RustCrypto's cipher of a suite.
enum Peer {
    Nacl(XSalsa20Poly1305),
    Aes256Gcm(Box<Aes256Gcm>),
}

impl Peer {
    fn seal(&self, number: u64, head: &[u8], text: &mut [u8]) -> [u8; TAG] {
        match self {
            Self::Nacl(key) => key.encrypt_in_place_detached(&nonce::<24>(number).into(), &[], text),
            Self::Aes256Gcm(key) => key.encrypt_in_place_detached(&nonce::<12>(number).into(), head, text),
        }
        .unwrap()
        .into()
    }

    fn open(&self, number: u64, head: &[u8], text: &mut [u8], tag: &[u8; TAG]) {
        match self {
            Self::Nacl(key) => key.decrypt_in_place_detached(&nonce::<24>(number).into(), &[], text, tag.into()),
            Self::Aes256Gcm(key) => key.decrypt_in_place_detached(&nonce::<12>(number).into(), head, text, tag.into()),
        }
        .unwrap();
    }
}

fn nonce<const N: usize>(number: u64) -> [u8; N] {
    let mut nonce = [1; N];
    *nonce.last_chunk_mut().unwrap() = number.to_be_bytes();
    nonce
}

fn sealing(suite: Suite, size: usize) {
    let ours = RecordKey::new(suite, &Secret::from_bytes([7; 32]));
    let peer = match suite {
        Suite::Nacl => Peer::Nacl(XSalsa20Poly1305::new(&[7; 32].into())),
        Suite::Aes256Gcm => Peer::Aes256Gcm(Box::new(Aes256Gcm::new(&[7; 32].into()))),
    };
    let (head, mut text, mut number) = ([0xc1; 12], vec![0x5a; size], 0);
    let mut next = || {
        number += 1;
        number
    };
    let record = |number| Record { direction: Direction::ToResponder, first: 0xc1, epoch: 0, cid: 77, number };
    let from = vec![0xa5; size];
    let copy = best(|| black_box(&mut text).copy_from_slice(black_box(&from)));

    let seal = best(|| ours.seal(&record(next()), &head, black_box(&mut text)).unwrap());
    let theirs = best(|| peer.seal(next(), &head, black_box(&mut text)));
    line(&format!("seal {suite:?}, {size} B"), size, seal, theirs, copy);

    // What is opened has to be put back first; the figure is without that.
    let mut sealed = from.clone();
    let tag = ours.seal(&record(1), &head, &mut sealed).unwrap();
    let open = best(|| {
        black_box(&mut text).copy_from_slice(&sealed);
        ours.open(&record(1), &head, &mut text, &tag).unwrap();
    });
    let mut sealed = from.clone();
    let tag = peer.seal(1, &head, &mut sealed);
    let theirs = best(|| {
        black_box(&mut text).copy_from_slice(&sealed);
        peer.open(1, &head, &mut text, &tag);
    });
    line(&format!("open {suite:?}, {size} B"), size, open - copy, theirs - copy, copy);

    let forged = best(|| ours.open(&record(2), &head, black_box(&mut text), &[0; TAG]));
    println!("{:<30} {forged:>9.0}", format!("refuse {suite:?}, {size} B"));
}

fn line(name: &str, size: usize, ours: f64, theirs: f64, copy: f64) {
    let rate = size as f64 / ours;
    println!("{name:<30} {ours:>9.0} {rate:>7.2} {theirs:>14.0} {:>6.1}x {:>12.0}x", theirs / ours, ours / copy);
}

fn keys() {
    let secret = Secret::from_bytes([9; 32]);
    for suite in [Suite::Nacl, Suite::Aes256Gcm] {
        row(&format!("key of {suite:?}"), || RecordKey::new(suite, black_box(&secret)));
    }
    row("next epoch's secret and key", || black_box(&secret).expand(b"key"));
    let mut cookie = [3; 136];
    row("seal a cookie", || {
        black_box(roadstead::nacl::seal::lock(&secret, &[1; 24], b"0123456789abcdef", black_box(&mut cookie)));
    });
    let ours = SecretKey::from_bytes([5; 32]);
    let theirs = *SecretKey::from_bytes([6; 32]).public().as_bytes();
    row("X25519", || derive::agree(black_box(&ours), &theirs));
}

fn heads() {
    let mut buffer = [0; HEAD_MAX];
    let mut number = 0u64;
    row("write a data head", || {
        number += 1;
        let number = Truncated::new(number, Some(number.saturating_sub(200)));
        let mut out = Writer::new(black_box(&mut buffer));
        DataHead { epoch: 1, cid: 77, number }.write(&mut out).unwrap();
    });
    row("read a data head", || {
        let head = DataHead::read(black_box(&buffer)).unwrap();
        black_box(head.number.expand(Some(1000)));
    });
}

fn frames() {
    let (small, large) = ([1; 64], [2; 1150]);
    let opening = Opening { kind: "publish", route: b"route", priority: 0, total: Some(64) };
    let first = Chunk { message: 300, offset: 0, fin: true, opening: Some(opening), data: &small };
    let later = Chunk { message: 300, offset: 70_000, fin: false, opening: None, data: &large };
    let runs: Vec<_> = (0..10u64).map(|n| (100_000 - 30 * n, 100_010 - 30 * n)).collect();
    let mut buffer = [0; 1400];
    for (name, frame) in [("chunk of 64 B", Frame::Chunk(first)), ("chunk of 1,150 B", Frame::Chunk(later))] {
        let mut size = 0;
        row(&format!("write a {name}"), || {
            let mut out = Writer::new(black_box(&mut buffer));
            black_box(&frame).write(&mut out).unwrap();
            size = out.at();
        });
        let bytes = buffer.get(..size).unwrap();
        row(&format!("read a {name}"), || Frames::new(black_box(bytes)).next().unwrap().unwrap());
    }
    let mut size = 0;
    row("write an ack of 10 ranges", || {
        let mut out = Writer::new(black_box(&mut buffer));
        black_box(Ack::write_ranges(&mut out, black_box(&runs).iter().copied(), 900, None));
        size = out.at();
    });
    let bytes = buffer.get(..size).unwrap();
    row("read an ack of 10 ranges, and go through it", || {
        let Some(Ok(Frame::Ack(ack))) = Frames::new(black_box(bytes)).next() else { panic!("no ack") };
        black_box(ack.ranges().fold(0, |sum, (low, high)| sum + low + high));
    });
}

/// A packet through both sides' keys and the replay window.
fn packets(suite: Suite, size: usize) {
    let (there, back) = (Secret::from_bytes([1; 32]), Secret::from_bytes([2; 32]));
    let mut ours = Keys::new(suite, Direction::ToResponder, &there, &back, Time::ZERO);
    let mut theirs = Keys::new(suite, Direction::ToInitiator, &back, &there, Time::ZERO);
    let (mut seen, mut packet, data) = (Seen::new(), vec![0; size], vec![5; size]);
    let mut number = 0u64;
    row(&format!("{suite:?}, packet of {size} B, there and read"), || {
        let head = ours.head(Time::ZERO, 77, number, number.checked_sub(100));
        let mut out = Writer::new(&mut packet);
        head.write(&mut out).unwrap();
        let chunk = Chunk { message: 5, offset: 1, fin: false, opening: None, data: &[] };
        let room = out.room() - TAG - chunk.overhead(0) + 1;
        let chunk = Chunk { data: data.get(..room).unwrap(), ..chunk };
        chunk.write_last(&mut out).unwrap();
        ours.seal(&head, number, &mut packet).unwrap();
        number += 1;
        let opened = theirs.open(Time::ZERO, Duration::ZERO, &mut seen, &mut packet).unwrap();
        Frames::new(opened.frames).for_each(|frame| assert!(frame.is_ok()));
    });
}

fn handshakes() {
    let identity = |seed| {
        let keys = OwnKeys::generate(&mut Random::from_number(seed));
        Identity::new(Name::new("web1").unwrap(), keys, 1).unwrap()
    };
    let rules = Rules { prefix_rate: 1_000_000, retry_at: 1_000_000, ..Rules::default() };
    let mut responder = Responder::new(identity(1), rules, [1; 32], Time::ZERO);
    let strangers: Vec<_> = (0..STRANGERS).map(|n| Arc::new(identity(100 + n))).collect();
    let mut now = Time::ZERO;
    for name in ["somebody new", "somebody who was there before"] {
        let mut spent = (Duration::ZERO, Duration::ZERO);
        for who in &strangers {
            // Slower than cookies may be remembered.
            now += Duration::from_millis(20);
            let (asking, answering) = handshake(now, who, &mut responder);
            spent = (spent.0 + asking, spent.1 + answering);
        }
        let each = |spent: Duration| spent.as_secs_f64() * 1e6 / STRANGERS as f64;
        let (asking, answering) = (each(spent.0), each(spent.1));
        println!("{name:<44} {:>9.1} {asking:>9.1} {answering:>9.1}", asking + answering);
    }
}

/// Hello, Cookie, Initiate, WELCOME; how long each side worked.
fn handshake(now: Time, who: &Arc<Identity>, responder: &mut Responder) -> (Duration, Duration) {
    let (wall, from) = (Wall(1_700_000_000_000_000), SocketAddr::from(([192, 0, 2, 7], 4511)));
    let dial = Dial {
        pin: responder.identity().key().public,
        verify: None,
        role: None,
        suites: Suite::preferred().to_vec(),
        parameters: Parameters::default(),
        site: None,
        enrolment: None,
        must_enrol: false,
        early: Vec::new(),
    };
    let clock = Clock::start();
    let (mut asking, mut answering) = (Duration::ZERO, Duration::ZERO);
    let mut last = clock.now();
    let mut lap = |sum: &mut Duration| {
        let now = clock.now();
        *sum += now.since(last);
        last = now;
    };
    let seed = Random::from_number(now.0).bytes();
    let mut initiator = Initiator::new(who.clone(), dial, seed, now);
    let hello = initiator.poll_transmit(now).unwrap().to_vec();
    lap(&mut asking);
    let Answer::Send(mut cookie) = responder.handle_datagram(now, wall, from, &hello, |_| false, |_| false) else {
        panic!("no cookie")
    };
    lap(&mut answering);
    assert!(matches!(initiator.handle_datagram(now, wall, &mut cookie), Progress::Stepped));
    let initiate = initiator.poll_transmit(now).unwrap().to_vec();
    lap(&mut asking);
    let Answer::Knock(applicant) = responder.handle_datagram(now, wall, from, &initiate, |_| false, |_| true) else {
        panic!("no knock")
    };
    let (theirs, mut welcome) = responder.accept(now, wall, *applicant, now.0, None).unwrap();
    lap(&mut answering);
    let Progress::Established(ours) = initiator.handle_datagram(now, wall, &mut welcome) else { panic!("no session") };
    lap(&mut asking);
    assert_eq!(ours.hash, theirs.hash);
    (asking, answering)
}

fn row<T>(name: &str, work: impl FnMut() -> T) {
    println!("{name:<44} {:>9.1}", best(work));
}

/// Nanoseconds of one `work` in the best round: the one its neighbours disturbed least.
fn best<T>(mut work: impl FnMut() -> T) -> f64 {
    let clock = Clock::start();
    let mut batch = 1u64;
    let mut round = || {
        let (start, mut count) = (clock.now(), 0);
        loop {
            (0..batch).for_each(|_| _ = black_box(work()));
            count += batch;
            let length = clock.now().since(start);
            if length >= ROUND {
                return length.as_secs_f64() * 1e9 / count as f64;
            }
            batch = (batch * 2).min(5000);
        }
    };
    (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min)
}
