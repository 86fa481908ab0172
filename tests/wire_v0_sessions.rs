//! The classic wire against captured sessions of Python raet 0.6.8 and of real Salt 2018.3.5: every datagram is read,
//! verified, opened, put together and decoded with the recorded keys, and its head written again as Python wrote it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a broken vector is a failed test")]

mod vectors;

use std::collections::BTreeMap;

use bytes::Bytes;
use roadstead::nacl::{PublicKey, SecretKey, SharedBox, VerifyKey};
use roadstead::wire::v0::{
    self, BodyKind, CoatKind, Cookie, Head, Hello, Initiate, Inserted, JoinBody, Packet, PacketKind, TransactKind,
    Tray, body, coat, resend,
};
use serde_json::Value;
use vectors::{array, body_of, bytes, list, load, secret, text};

/// How much of each kind a session has had.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    packets: usize,
    signed: usize,
    joins: usize,
    allows: usize,
    resends: usize,
    messages: usize,
    delivered: usize,
}

struct Session {
    recorded: Value,
    /// Estate to verify keys, as it may have changed them.
    verify: BTreeMap<String, Vec<VerifyKey>>,
    /// Estate to long-term secrets, likewise.
    long: BTreeMap<String, Vec<SecretKey>>,
    /// Estate to short-term secrets, oldest first.
    short: BTreeMap<String, Vec<SecretKey>>,
    trays: BTreeMap<(String, u32, u32), (Head, Tray)>,
    /// Decoded messages with their sender.
    messages: Vec<(String, rmpv::Value)>,
    seen: Seen,
}

impl Session {
    fn load(file: &str) -> Self {
        let recorded = load(file);
        let (mut verify, mut long): (BTreeMap<_, Vec<_>>, BTreeMap<_, Vec<_>>) = Default::default();
        for (name, keys) in recorded["keys"].as_object().unwrap() {
            let estate = name.trim_end_matches("_before").to_owned();
            verify.entry(estate.clone()).or_default().push(VerifyKey::from_bytes(&array(&keys["verify"])).unwrap());
            long.entry(estate).or_default().push(secret(&keys["box_secret"]));
        }
        let mut short: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for event in list(&recorded["events"]) {
            if event["ev"] == "short_key" {
                short.entry(text(&event["of"]).to_owned()).or_default().push(secret(&event["secret"]));
            }
        }
        let (trays, messages, seen) = Default::default();
        Self { recorded, verify, long, short, trays, messages, seen }
    }

    fn replay(mut self) -> Seen {
        let recorded = self.recorded.take();
        for event in list(&recorded["events"]) {
            if event["ev"] == "tx" {
                let datagram = bytes(&event["hex"]);
                let packet = v0::read(&datagram).unwrap_or_else(|error| panic!("{error}: {event}"));
                self.packet(text(&event["frm"]), text(&event["to"]), &datagram, packet);
            }
        }
        let open: Vec<_> = self.trays.iter().filter(|(_, (_, tray))| !tray.is_complete()).collect();
        assert!(open.is_empty(), "{open:?}");
        for event in list(&recorded["events"]) {
            if event["ev"] == "deliver" {
                self.delivered(event);
            }
        }
        self.seen
    }

    fn packet(&mut self, from: &str, to: &str, datagram: &[u8], packet: Packet<'_>) {
        self.seen.packets += 1;
        let head = packet.head;
        let mut again = Vec::new();
        v0::write(&head, packet.coat, None, &mut again);
        let signed_len = datagram.len() - if packet.is_signed() { 64 } else { 0 };
        assert_eq!(again[..signed_len], datagram[..signed_len]);
        if packet.is_signed() {
            self.seen.signed += 1;
            assert!(self.verify[from].iter().any(|key| packet.verify(key)));
            assert!(!self.verify[to].iter().any(|key| packet.verify(key)));
        }
        match (head.transact, head.packet) {
            (TransactKind::Join, PacketKind::Request | PacketKind::Response) => self.join(from, packet),
            (TransactKind::Allow, _) if !packet.coat.is_empty() => self.allow(from, to, packet),
            (TransactKind::Message, PacketKind::Message) => self.message(from, to, packet),
            (TransactKind::Message, PacketKind::Resend) => {
                let plain = self.open(from, to, packet.coat);
                let missed = resend::read(&plain, head.body).unwrap();
                assert!(!missed.is_empty() && missed.len() <= resend::MISSED_MAX);
                assert_eq!(resend::write(&missed, head.body), plain);
                self.seen.resends += 1;
            }
            _ => assert!(packet.coat.is_empty(), "{head:?}"),
        }
    }

    fn join(&mut self, from: &str, packet: Packet<'_>) {
        let head = packet.head;
        let join = JoinBody::read(packet.coat, head.body).unwrap();
        assert_eq!(join.uid.is_some(), head.packet == PacketKind::Response);
        assert!(self.verify[from].contains(&join.verify));
        assert!(self.long[from].iter().any(|key| key.public() == join.public));
        assert_eq!(join.write(head.body), packet.coat);
        self.seen.joins += 1;
    }

    fn allow(&mut self, from: &str, to: &str, packet: Packet<'_>) {
        let is_short = |key: &PublicKey, of: &str| self.short[of].iter().any(|secret| secret.public() == *key);
        match packet.head.packet {
            PacketKind::Hello => {
                let short = self.long[to].iter().find_map(|long| Hello::open(packet.coat, long).ok()).unwrap();
                assert!(is_short(&short, from));
            }
            PacketKind::Cookie => {
                let stuff = pairs(&self.short[to], &self.long[from])
                    .find_map(|(short, long)| Cookie::open(packet.coat, short, &long.public()).ok())
                    .unwrap();
                assert!(is_short(&stuff.short, from));
                assert_eq!((stuff.nuid_r, stuff.fuid_r), (packet.head.se, packet.head.de));
            }
            PacketKind::Initiate => {
                let initiate = pairs(&self.short[to], &self.long[to])
                    .find_map(|(short, long)| Initiate::open(packet.coat, short, long).ok())
                    .unwrap();
                assert!(is_short(&initiate.short, from));
                assert!(self.long[from].iter().any(|long| long.public() == initiate.long));
                // A restarted Salt minion counts sessions and transactions from the same numbers again.
                self.trays.retain(|_, (_, tray)| !tray.is_complete());
            }
            kind => panic!("{kind:?} with a body"),
        }
        self.seen.allows += 1;
    }

    fn message(&mut self, from: &str, to: &str, packet: Packet<'_>) {
        let head = packet.head;
        let key = (from.to_owned(), head.si, head.ti);
        let (first, tray) = self.trays.entry(key).or_insert_with(|| (head, Tray::new(&head).unwrap()));
        assert_eq!((first.body, first.coat), (head.body, CoatKind::Nacl));
        if tray.insert(&head, packet.coat) == Ok(Inserted::Duplicate) || !tray.is_complete() {
            return;
        }
        let covered = tray.clone().into_coat().unwrap();
        let plain = self.open(from, to, &covered);
        let inside = match head.body {
            BodyKind::Json => body::json_to_msgpack(&plain).unwrap(),
            _ => body::check_msgpack(Bytes::from(plain.clone())).unwrap(),
        };
        let value = rmpv::decode::read_value(&mut &inside[..]).unwrap();
        // What Python packed, we pack in the same way.
        let packed = body::pack_msgpack(&value);
        match head.body {
            BodyKind::Json => assert_eq!(body::msgpack_to_json(&packed).unwrap(), plain),
            _ => assert_eq!(packed, plain),
        }
        self.messages.push((from.to_owned(), sorted(value)));
        self.seen.messages += 1;
    }

    /// The body under a coat from `from` to `to`, with whichever of the recorded keys were in use.
    fn open(&self, from: &str, to: &str, covered: &[u8]) -> Vec<u8> {
        pairs(&self.short[to], &self.short[from])
            .find_map(|(ours, theirs)| coat::open(covered, &SharedBox::new(&theirs.public(), ours)))
            .unwrap()
    }

    fn delivered(&mut self, event: &Value) {
        let body = &event["body"];
        // Large ones are left out or shortened in the file.
        let is_short = !body.to_string().contains("characters)");
        if body.is_object() && body.get("__omitted__").is_none() && is_short {
            let (at, body) = (text(&event["at"]), sorted(body_of(body)));
            assert!(self.messages.iter().any(|(from, message)| from != at && *message == body), "{event}");
        } else {
            assert!(body.get("__omitted__").is_some() || body == "(large)" || !is_short, "{event}");
        }
        self.seen.delivered += 1;
    }
}

/// Newest with newest first.
fn pairs<'a>(one: &'a [SecretKey], other: &'a [SecretKey]) -> impl Iterator<Item = (&'a SecretKey, &'a SecretKey)> {
    one.iter().rev().flat_map(|a| other.iter().rev().map(move |b| (a, b)))
}

/// Maps in one order, because Python 2 has none.
fn sorted(value: rmpv::Value) -> rmpv::Value {
    match value {
        rmpv::Value::Array(items) => rmpv::Value::Array(items.into_iter().map(sorted).collect()),
        rmpv::Value::Map(pairs) => {
            let mut pairs: Vec<_> = pairs.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            pairs.sort_by_key(|(key, _)| key.to_string());
            rmpv::Value::Map(pairs)
        }
        value => value,
    }
}

#[test]
fn raet_heads_json_bodies() {
    let seen = Seen { packets: 1088, signed: 1085, joins: 2, allows: 3, resends: 12, messages: 4, delivered: 4 };
    assert_eq!(Session::load("session-raet-json.json").replay(), seen);
}

#[test]
fn json_heads_json_bodies() {
    let seen = Seen { packets: 1170, signed: 1167, joins: 2, allows: 3, resends: 12, messages: 4, delivered: 4 };
    assert_eq!(Session::load("session-jsonhead-json.json").replay(), seen);
}

#[test]
fn lossy() {
    let seen = Seen { packets: 219, signed: 216, joins: 2, allows: 3, resends: 8, messages: 10, delivered: 10 };
    assert_eq!(Session::load("session-lossy.json").replay(), seen);
}

#[test]
fn both_start_at_once() {
    let seen = Seen { packets: 18, signed: 12, joins: 3, allows: 4, resends: 0, messages: 2, delivered: 2 };
    assert_eq!(Session::load("session-race.json").replay(), seen);
}

#[test]
fn refusals() {
    let seen = Seen { packets: 39, signed: 28, joins: 7, allows: 12, resends: 0, messages: 1, delivered: 0 };
    assert_eq!(Session::load("session-refusals.json").replay(), seen);
}

#[test]
fn rejoin() {
    let seen = Seen { packets: 40, signed: 29, joins: 7, allows: 9, resends: 0, messages: 5, delivered: 3 };
    assert_eq!(Session::load("session-rejoin.json").replay(), seen);
}

#[test]
fn salt_style() {
    let seen = Seen { packets: 556, signed: 551, joins: 3, allows: 3, resends: 6, messages: 3, delivered: 3 };
    assert_eq!(Session::load("session-salt-style.json").replay(), seen);
}

#[test]
fn real_salt() {
    let seen = Seen { packets: 432, signed: 424, joins: 5, allows: 6, resends: 0, messages: 28, delivered: 28 };
    assert_eq!(Session::load("session-real-salt.json").replay(), seen);
}
