//! The fast road's own vectors, for whoever writes a second implementation: made from fixed seeds, compared with the files
//! in `tests/vectors/v1`. To publish a deliberate change: `ROADSTEAD_WRITE_VECTORS=1 cargo test --test wire_v1_vectors`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a vector that is not as expected is a failed test"
)]

use std::sync::Arc;
use std::time::Duration;

use roadstead::base::{Name, Random, Time, Wall};
use roadstead::keep::OwnKeys;
use roadstead::nacl::{Direction, Record, RecordKey, Secret, SecretKey, SigningKey, Suite, Symmetric, derive};
use roadstead::road::v1::handshake::{Answer, Dial, Identity, Initiator, PROTOCOL, Progress, Responder, Rules};
use roadstead::road::v1::{Keys, Seen};
use roadstead::wire::v1::{
    Ack, Chunk, Cookie, DataHead, Ecn, Frame, Frames, Hello, Ids, Initiate, Initiation, Opening, Parameters, Status,
    Truncated, Welcome, Writer, varint,
};
use serde_json::{Value, json};

/// Compares with the published file, or publishes.
fn publish(file: &str, made: &Value) {
    let path = format!("{}/tests/vectors/v1/{file}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("ROADSTEAD_WRITE_VECTORS").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(made).unwrap() + "\n").unwrap();
    }
    let known: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(known == *made, "{file} differs from what is made now:\n{}", serde_json::to_string_pretty(made).unwrap());
}

#[test]
fn numbers() {
    let varints: Vec<Value> = [0, 1, 63, 64, 16_383, 16_384, (1 << 30) - 1, 1 << 30, varint::MAX]
        .into_iter()
        .map(|n| {
            let mut bytes = Vec::new();
            varint::push(&mut bytes, n);
            assert_eq!(varint::read(&bytes), Some((n, bytes.len())));
            json!({ "number": n, "bytes": hex::encode(bytes) })
        })
        .collect();
    let cases = [
        (0, None),
        (127, None),
        (128, None),
        ((1 << 30) - 1, None),
        (0xac5c02, Some(0xabe8b3)),
        (0xace8fe, Some(0xabe8b3)),
        (1 << 40, Some((1 << 40) - 1)),
    ];
    let numbers: Vec<Value> = cases
        .into_iter()
        .map(|(number, acked): (u64, Option<u64>)| {
            let cut = Truncated::new(number, acked);
            assert_eq!(cut.expand(acked), number);
            json!({ "number": number, "acked": acked, "bytes": hex::encode(&cut.bytes()[4 - cut.size()..]) })
        })
        .collect();
    publish("numbers.json", &json!({ "varints": varints, "packet_numbers": numbers }));
}

#[test]
fn frames() {
    let opening = Opening { kind: "load", route: b"route", priority: 1, total: Some(5) };
    let unknown = Opening { kind: "", route: b"", priority: 2, total: None };
    let chunk = Chunk { message: 7, offset: 0, fin: true, opening: Some(opening), data: b"hello" };
    let later = Chunk { message: 7, offset: 1200, fin: false, opening: None, data: b"later" };
    let stream = Chunk { message: 8, opening: Some(unknown), fin: false, ..chunk };
    let mut ids = Vec::new();
    Ids::pack(0x0102_0304_0506_0708, &[0xaa; 16], &mut ids);
    let mut ack = [0; 64];
    let mut out = Writer::new(&mut ack);
    let ecn = Some(Ecn { ect0: 100, ect1: 0, ce: 3 });
    assert_eq!(Ack::write_ranges(&mut out, [(900, 1000), (800, 850), (5, 5)].into_iter(), 25_000, ecn), 3);
    let size = out.at();
    let Some(Ok(acked)) = Frames::new(&ack[..size]).next() else { panic!() };
    let list: Vec<Value> = [
        ("pad", Frame::Pad(3)),
        ("ping", Frame::Ping),
        ("ack: 900-1000, 800-850, 5, after 25000 us; 100 ECT(0), 3 CE", acked),
        ("chunk: message 7, whole, load, priority 1", Frame::Chunk(chunk)),
        ("chunk: message 7 at 1200", Frame::Chunk(later)),
        ("chunk: message 8, total not known", Frame::Chunk(stream)),
        ("credit: 1 MiB", Frame::Credit(1 << 20)),
        ("open: 256", Frame::Open(256)),
        ("drop: message 7 after 1200 bytes", Frame::Drop { message: 7, end: 1200 }),
        ("refuse: message 7, reason 2", Frame::Refuse { message: 7, reason: 2 }),
        ("close: 1, going away", Frame::Close { code: 1, reason: "going away" }),
        ("probe", Frame::Probe([1, 2, 3, 4, 5, 6, 7, 8])),
        ("probed", Frame::Probed([1, 2, 3, 4, 5, 6, 7, 8])),
        ("ids: one, number 4, retire below 2", Frame::Ids(Ids::new(4, 2, &ids).unwrap())),
        ("datagram", Frame::Datagram(b"presence")),
        ("more: message 8, below 512 KiB", Frame::More { message: 8, below: 512 << 10 }),
        ("renew: the first", Frame::Renew { turn: 1, body: [0x55; 48] }),
        ("renewed: the first", Frame::Renewed { turn: 1, body: [0x66; 48] }),
    ]
    .into_iter()
    .map(|(what, frame)| {
        let mut buffer = [0; 256];
        let mut out = Writer::new(&mut buffer);
        frame.write(&mut out).unwrap();
        assert_eq!(Frames::new(out.written()).collect::<Vec<_>>(), [Ok(frame)]);
        json!({ "frame": what, "bytes": hex::encode(out.written()) })
    })
    .collect();
    publish("frames.json", &Value::Array(list));
}

#[test]
fn records() {
    let secret = Secret::from_bytes([0x0b; 32]);
    let mut epochs = Vec::new();
    let mut chain = secret.clone();
    for epoch in 0..3 {
        let key = chain.expand(b"key");
        epochs.push(json!({ "epoch": epoch, "ts": hex::encode(chain.bytes()), "key": hex::encode(key.bytes()) }));
        chain = chain.expand(b"upd");
    }
    let mut packets = Vec::new();
    for suite in Suite::ALL {
        let mut keys = Keys::new(suite, Direction::ToResponder, &secret, &Secret::from_bytes([1; 32]), Time::ZERO);
        for (number, acked) in [(0, None), (0x1234, Some(0x1200)), (70_000, None)] {
            let head = keys.head(Time::ZERO, 0x0102_0304_0506_0708, number, acked);
            let mut packet = vec![0; head.size() + 5 + 16];
            let mut out = Writer::new(&mut packet);
            head.write(&mut out).unwrap();
            out.put(&[1, 0, 0, 0, 0]).unwrap();
            keys.seal(&head, number, &mut packet).unwrap();
            // The same by hand.
            let record =
                Record { direction: Direction::ToResponder, first: packet[0], epoch: 0, cid: head.cid, number };
            let (start, rest) = packet.split_at(head.size());
            let mut text = [1, 0, 0, 0, 0];
            let tag = RecordKey::new(suite, &secret.expand(b"key")).seal(&record, start, &mut text).unwrap();
            assert_eq!(rest, [&text[..], &tag].concat());
            packets.push(json!({ "suite": suite.code(), "number": number, "acked": acked, "frames": "0100000000",
                "direction": "to responder", "packet": hex::encode(&packet) }));
        }
    }
    publish("records.json", &json!({ "epochs": epochs, "packets": packets }));
}

const WALL: Wall = Wall(1_700_000_000_000_000);

fn identity(role: &str, sign: u8, secret: u8) -> Identity {
    let keys = OwnKeys { sign: SigningKey::from_seed(&[sign; 32]), secret: SecretKey::from_bytes([secret; 32]) };
    Identity::new(Name::new(role).unwrap(), keys, 1).unwrap()
}

fn show(identity: &Identity, sign: u8, secret: u8) -> Value {
    let key = identity.key();
    json!({
        "role": key.role.as_str(), "epoch": identity.epoch(),
        "sign_seed": hex::encode([sign; 32]), "verify": hex::encode(key.verify.as_bytes()),
        "secret": hex::encode([secret; 32]), "public": hex::encode(key.public.as_bytes()),
        "binding": hex::encode(identity.binding()),
    })
}

/// One whole handshake; checked by hand from the packets with the initiator's secrets.
fn handshake(suite: Suite) -> Value {
    let now = Time::ZERO;
    let from = "192.0.2.1:4511".parse().unwrap();
    let (master, minion) = (identity("vm_master", 1, 2), Arc::new(identity("web1", 3, 4)));
    let shown = (show(&master, 1, 2), show(&minion, 3, 4));
    let pin = master.key().public;
    let mut responder = Responder::new(master, Rules::default(), [5; 32], now);
    let dial = Dial {
        pin,
        verify: None,
        role: None,
        suites: vec![suite],
        parameters: Parameters::default(),
        site: None,
        enrolment: None,
        must_enrol: false,
        early: vec![1],
    };
    let mut initiator = Initiator::new(minion, dial, [6; 32], now);
    let ephemeral = SecretKey::from_bytes(Random::new([6; 32]).bytes());

    let hello = initiator.poll_transmit(now).unwrap().to_vec();
    let Answer::Send(cookie) = responder.handle_datagram(now, WALL, from, &hello, |_| false, |_| false) else {
        panic!()
    };
    assert!(matches!(initiator.handle_datagram(now, WALL, &mut cookie.clone()), Progress::Stepped));
    let initiate = initiator.poll_transmit(now).unwrap().to_vec();
    let Answer::Knock(applicant) = responder.handle_datagram(now, WALL, from, &initiate, |_| false, |_| false) else {
        panic!()
    };
    let cid = 0x1122_3344_5566_7788;
    let (established, welcome) = responder.accept(now, WALL, *applicant, cid, None).unwrap();

    let (read, answer) = (Hello::read(&hello).unwrap(), Cookie::read(&cookie).unwrap());
    let mut state = Symmetric::new(PROTOCOL, &hello[..12]);
    state.mix_hash(pin.as_bytes());
    state.mix_hash(&read.ephemeral);
    state.mix_key(&derive::agree(&ephemeral, pin.as_bytes()).unwrap());
    assert_eq!(**state.open(&read.features).unwrap(), [0; 8]);
    state.mix_hash(&answer.ephemeral);
    state.mix_key(&derive::agree(&ephemeral, &answer.ephemeral).unwrap());
    let plain = state.open(&answer.sealed).unwrap();
    let proof = Initiate::read(&initiate).unwrap();
    assert_eq!(proof.cookie[..], **plain);
    state.open(&proof.key).unwrap();
    state.mix_key(&derive::agree(&SecretKey::from_bytes([4; 32]), &answer.ephemeral).unwrap());
    let payload = state.open(proof.payload).unwrap();
    assert_eq!(Initiation::read(&payload).unwrap().wall, WALL.0 as i64);
    let hash = *state.hash();
    assert_eq!(hash, established.hash);
    let (up, down) = state.split();
    let mut keys = Keys::new(suite, Direction::ToResponder, &up, &down, now);
    let mut datagram = welcome.clone();
    let opened = keys.open(now, Duration::ZERO, &mut Seen::new(), &mut datagram).unwrap();
    let Some(Ok(Frame::Welcome(body))) = Frames::new(opened.frames).next() else { panic!() };
    let said = Welcome::read(body).unwrap();
    assert_eq!((said.status, said.cid), (Status::Accepted, cid));
    json!({
        "suite": suite.code(), "protocol": PROTOCOL, "responder": shown.0, "initiator": shown.1,
        "initiator_ephemeral_secret": hex::encode(*ephemeral.bytes()), "responder_ephemeral": hex::encode(answer.ephemeral),
        "hello": hex::encode(&hello), "cookie_packet": hex::encode(&cookie), "cookie": hex::encode(&*plain),
        "initiate": hex::encode(&initiate), "payload": hex::encode(&*payload), "hash": hex::encode(hash),
        "to_responder": hex::encode(up.bytes()), "to_initiator": hex::encode(down.bytes()),
        "welcome_packet": hex::encode(&welcome), "welcome": hex::encode(body),
        "packet_number": DataHead::read(&welcome).unwrap().number.expand(None),
    })
}

#[test]
fn handshakes() {
    publish("handshake.json", &Suite::ALL.into_iter().map(handshake).collect());
}
