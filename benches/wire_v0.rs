//! How many packets a second the classic wire can be read and written, with and without signature, in both head kinds.
//! Shows where the time of a segment goes: raet 0.6.8 needs about 0.18 ms for one, mostly for its signature.
//!
//! `cargo bench --bench wire_v0` prints a table; nothing is asserted.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench has nobody to report to but its reader")]

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use roadstead::clock::Clock;
use roadstead::nacl::{SecretKey, SharedBox, SigningKey};
use roadstead::wire::v0::{
    self, BodyKind, CoatKind, FootKind, Head, HeadKind, Segments, TransactKind, Tray, body, coat,
};

/// How long one row is measured.
const ROW: Duration = Duration::from_millis(700);
/// A coat as long as a segment's of a typical head.
const COAT: usize = 862;

fn main() {
    println!("{:<34} {:>12} {:>10}", "packets", "per second", "ns each");
    let sign = SigningKey::from_seed(&[1; 32]);
    for head_kind in [HeadKind::Raet, HeadKind::Json] {
        for foot in [FootKind::Nada, FootKind::Nacl] {
            packets(head_kind, foot, &sign);
        }
    }
    println!("\n{:<34} {:>12} {:>10}", "a message of 1 MB", "per second", "MB/s");
    message(&sign);
}

fn packets(head_kind: HeadKind, foot: FootKind, sign: &SigningKey) {
    // An unsigned message is not legal; an unsigned alive is.
    let transact = if foot == FootKind::Nacl { TransactKind::Message } else { TransactKind::Alive };
    let (body, coat) = (BodyKind::Msgpack, CoatKind::Nacl);
    let head = Head {
        head_kind,
        transact,
        se: 2,
        de: 3,
        si: 2,
        ti: 300,
        sc: 99,
        ml: 85_000,
        body,
        coat,
        foot,
        ..Head::default()
    };
    let (coat, verify) = ([0x5a; COAT], sign.verify_key().verifier().unwrap());
    let mut datagram = Vec::with_capacity(2048);
    let name = format!("{head_kind:?} head, {}", if foot == FootKind::Nacl { "signed" } else { "unsigned" });
    row(&format!("write, {name}"), 0, || {
        datagram.clear();
        v0::write(black_box(&head), &coat, Some(sign), &mut datagram);
    });
    row(&format!("read, {name}"), 0, || {
        let packet = v0::read(black_box(&datagram)).unwrap();
        assert!(foot == FootKind::Nada || packet.is_signed_by(&verify));
    });
    if foot == FootKind::Nacl {
        row(&format!("read, {name}, unchecked"), 0, || {
            black_box(v0::read(black_box(&datagram)).unwrap());
        });
    }
}

fn message(sign: &SigningKey) {
    let text = "x".repeat(1_000_000);
    let packed = body::pack_msgpack(&rmpv::Value::Map(vec![("return".into(), text.into())]));
    let words = rmpv::Value::Array((0..100_000).map(|i| rmpv::Value::from(format!("word {i}"))).collect());
    let words = body::pack_msgpack(&rmpv::Value::Map(vec![("return".into(), words)]));
    let (ours, theirs) = (SecretKey::from_bytes([1; 32]), SecretKey::from_bytes([2; 32]));
    let shared = SharedBox::new(&theirs.public(), &ours);
    let (len, words_len) = (packed.len(), words.len());

    let (checked, many) = (Bytes::from(packed.clone()), Bytes::from(words));
    row("check the body, one text", len, || drop(body::check_msgpack(black_box(checked.clone())).unwrap()));
    row("check the body, 100,000 words", words_len, || drop(body::check_msgpack(black_box(many.clone())).unwrap()));
    row("to JSON, 100,000 words", words_len, || drop(body::msgpack_to_json(black_box(&many)).unwrap()));
    row("seal", len, || drop(coat::seal(black_box(&packed), &shared, [3; 24]).unwrap()));
    let covered = coat::seal(&packed, &shared, [3; 24]).unwrap();
    row("open", len, || drop(coat::open(black_box(&covered), &shared).unwrap()));

    let (body, coat, foot) = (BodyKind::Msgpack, CoatKind::Nacl, FootKind::Nacl);
    let head = Head { se: 2, de: 3, si: 2, ti: 300, body, coat, foot, ..Head::default() };
    let segments = Segments::new(&head, covered);
    let mut datagrams = vec![Vec::with_capacity(1024); segments.count() as usize];
    row("cut and sign", len, || {
        for (i, datagram) in datagrams.iter_mut().enumerate() {
            datagram.clear();
            segments.write(i as u32, (false, false), Some(sign), datagram);
        }
    });
    let verify = sign.verify_key().verifier().unwrap();
    row("verify and put together", len, || {
        let mut tray = None;
        for datagram in &datagrams {
            let packet = v0::read(datagram).unwrap();
            assert!(packet.is_signed_by(&verify));
            tray.get_or_insert_with(|| Tray::new(&packet.head).unwrap()).insert(&packet.head, packet.coat).unwrap();
        }
        drop(black_box(tray.unwrap().into_coat().unwrap()));
    });
    row("put together, unchecked", len, || {
        let mut tray = None;
        for datagram in datagrams.iter().rev() {
            let packet = v0::read(datagram).unwrap();
            tray.get_or_insert_with(|| Tray::new(&packet.head).unwrap()).insert(&packet.head, packet.coat).unwrap();
        }
        drop(black_box(tray.unwrap().into_coat().unwrap()));
    });
}

/// Runs `work` for a while and prints how often it went; with `bytes`, how many of them.
fn row(name: &str, bytes: usize, mut work: impl FnMut()) {
    let clock = Clock::start();
    let (mut count, mut batch) = (0u64, 1u64);
    let length = loop {
        (0..batch).for_each(|_| work());
        count += batch;
        let length = clock.now().since(roadstead::base::Time::ZERO);
        if length >= ROW {
            break length.as_secs_f64();
        }
        batch = (batch * 2).min(10_000);
    };
    let rate = count as f64 / length;
    let last = if bytes == 0 { 1e9 / rate } else { rate * bytes as f64 / 1e6 };
    println!("{name:<34} {rate:>12.0} {last:>10.0}");
}
