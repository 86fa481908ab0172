//! The classic wire against golden vectors made with Python raet 0.6.8 (wire v0): byte for byte, both ways.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a broken vector is a failed test")]

mod vectors;

use bytes::Bytes;
use roadstead::base::wrap;
use roadstead::nacl::{SecretKey, SharedBox};
use roadstead::wire::v0::{
    self, BodyKind, Cookie, CookieStuff, FootKind, Head, Hello, Initiate, InitiateKeys, JoinBody, Malformed,
    PacketKind, Segments, TransactKind, Tray, body, coat, resend,
};
use serde_json::Value;
use vectors::{array, body_of, bytes, head_of, list, load, number, public, secret, signing, text};

fn keys() -> Value {
    load("keys.json")["keys"].clone()
}

fn peer(who: &str) -> &'static str {
    if who == "alpha" { "beta" } else { "alpha" }
}

fn short_box(keys: &Value, who: &str) -> SharedBox {
    SharedBox::new(&public(&keys[peer(who)]["short_public"]), &secret(&keys[who]["short_secret"]))
}

#[test]
fn packets_read_and_write() {
    let keys = keys();
    let mut written = 0;
    for file in ["packets-raet.json", "packets-json.json"] {
        for case in list(&load(file)["packets"]) {
            let name = text(&case["name"]);
            let packet = bytes(&case["packet"]);
            if name.ends_with("/corner.bind") {
                // raet has the kind and no use for it; we refuse what nobody sends.
                assert!(matches!(v0::read(&packet), Err(Malformed { what: "unknown transaction kind", .. })));
                continue;
            }
            let read = v0::read(&packet).unwrap_or_else(|error| panic!("{name}: {error}"));
            let head = head_of(&case["parsed_head"]);
            assert_eq!(read.head, head, "{name}");
            assert_eq!(read.coat, bytes(&case["coat_packed"]), "{name}");
            let sender = signing(&keys[text(&case["sender"])]);
            assert_eq!(read.is_signed(), head.foot == FootKind::Nacl, "{name}");
            assert_eq!(read.verify(&sender.verify_key()), read.is_signed(), "{name}");
            if name.ends_with("/corner.dt-oi") || name.ends_with("/corner.all-flags") {
                continue; // fields and flags we never write
            }
            let mut out = vec![7];
            v0::write(&head, read.coat, Some(&sender), &mut out);
            assert_eq!(out.split_first(), Some((&7, packet.as_slice())), "{name}");
            written += 1;
        }
    }
    assert_eq!(written, 168);
}

#[test]
fn coats_seal_and_open() {
    let keys = keys();
    let mut sealed = 0;
    for file in ["packets-raet.json", "packets-json.json"] {
        for case in list(&load(file)["packets"]) {
            let Some(nonce) = case.get("nonce") else { continue };
            let name = text(&case["name"]);
            let (sender, plain, covered) =
                (text(&case["sender"]), bytes(&case["body_packed"]), bytes(&case["coat_packed"]));
            let shared = short_box(&keys, sender);
            assert_eq!(coat::seal(&plain, &shared, array(nonce)).as_deref(), Some(covered.as_slice()), "{name}");
            let theirs = short_box(&keys, peer(sender));
            assert_eq!(coat::open(&covered, &theirs), Some(plain), "{name}");
            sealed += 1;
        }
    }
    assert!(sealed >= 20, "{sealed}");
}

#[test]
fn bodies_pack_and_unpack() {
    let (mut maps, mut joins, mut resends) = (0, 0, 0);
    for file in ["packets-raet.json", "packets-json.json"] {
        for case in list(&load(file)["packets"]) {
            let name = text(&case["name"]);
            let packed = bytes(&case["body_packed"]);
            let given = body_of(&case["body"]);
            let kind = BodyKind::from_number(number(&case["parsed_head"]["bk"])).unwrap();
            let inside = match kind {
                BodyKind::Nada | BodyKind::Raw => continue,
                BodyKind::Msgpack => {
                    assert_eq!(body::pack_msgpack(&given), packed, "{name}");
                    body::check_msgpack(Bytes::from(packed.clone())).unwrap()
                }
                BodyKind::Json => {
                    assert_eq!(body::msgpack_to_json(&body::pack_msgpack(&given)), Ok(packed.clone()), "{name}");
                    body::json_to_msgpack(&packed).unwrap()
                }
            };
            assert_eq!(rmpv::decode::read_value(&mut &inside[..]).unwrap(), given, "{name}");
            maps += 1;
            if name.contains("/join.request") || name.contains("/join.response") {
                let join = JoinBody::read(&packed, kind).unwrap();
                assert_eq!(join.uid.is_some(), name.contains("response"), "{name}");
                assert_eq!(join.is_main(), text(&case["sender"]) == "alpha", "{name}");
                assert_eq!(join.write(kind), packed, "{name}");
                joins += 1;
            }
            if name.contains("/message.resend") {
                let missed = resend::read(&packed, kind).unwrap();
                assert_eq!(resend::write(&missed, kind), packed, "{name}");
                resends += 1;
            }
        }
    }
    assert_eq!((maps, joins, resends), (152, 16, 8));
}

#[test]
fn segments_cut_and_reassemble() {
    let keys = keys();
    for case in list(&load("segments.json")["segments"]) {
        let name = text(&case["name"]);
        let sender = text(&case["sender"]);
        let (key, shared) = (signing(&keys[sender]), short_box(&keys, sender));
        let head = head_of(&case["head_fields_set"]);
        let packed = body::pack_msgpack(&body_of(&case["body"]));
        let plain = if head.body == BodyKind::Json { body::msgpack_to_json(&packed).unwrap() } else { packed };
        let covered = coat::seal(&plain, &shared, array(&case["nonce"])).unwrap();
        assert_eq!(covered.len() as u64, case["coat_len"].as_u64().unwrap(), "{name}");
        assert_eq!(hex::encode(sha256(&covered)), text(&case["coat_sha256"]), "{name}");

        let segments = Segments::new(&head, covered.clone());
        assert_eq!(segments.count(), number(&case["segment_count"]), "{name}");
        let last = segments.count() - 1;
        let mut tray: Option<Tray> = None;
        for i in 0..segments.count() {
            let mut out = Vec::new();
            assert!(segments.write(i, (i == last, false), Some(&key), &mut out));
            match case.get("packets") {
                Some(packets) => assert_eq!(out, bytes(&packets[i as usize]), "{name} {i}"),
                None => {
                    assert_eq!(hex::encode(sha256(&out)), text(&case["packet_sha256"][i as usize]), "{name} {i}");
                    // Of the first, the second and the last.
                    let head = [(0, 0), (1, 1), (last, 2)].into_iter().find(|&(sn, _)| sn == i);
                    if let Some((_, place)) = head {
                        assert!(out.starts_with(text(&case["heads"][place]).as_bytes()), "{name} {i}");
                    }
                }
            }
            assert!(out.len() <= 1024);
            let packet = v0::read(&out).unwrap();
            let tray = tray.get_or_insert_with(|| Tray::new(&packet.head).unwrap());
            tray.insert(&packet.head, packet.coat).unwrap();
        }
        assert_eq!(tray.unwrap().into_coat().as_deref(), Ok(&covered[..]), "{name}");
        let mut out = Vec::new();
        assert!(!segments.write(last + 1, (false, false), Some(&key), &mut out) && out.is_empty());
        if case["last_before_wf"].is_string() {
            segments.write(last, (false, false), Some(&key), &mut out);
            assert_eq!(out, bytes(&case["last_before_wf"]), "{name}");
        }
        if let Some(again) = case.get("segment1_resent_af_wf") {
            out.clear();
            segments.write(1, (true, true), Some(&key), &mut out);
            assert_eq!(out, bytes(again), "{name}");
        }
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

#[test]
fn handshake_bodies() {
    let keys = keys();
    let vectors = &load("handshake.json")["handshake"];
    let (allower, allowent) = (&keys["beta"], &keys["alpha"]);
    let (allower_long, allower_short) = (secret(&allower["box_secret"]), secret(&allower["short_secret"]));
    let (allowent_long, allowent_short) = (secret(&allowent["box_secret"]), secret(&allowent["short_secret"]));

    let hello = Hello::write(&allower_short, &allowent_long.public(), array(&vectors["hello"]["nonce"]));
    assert_eq!(hello.to_vec(), bytes(&vectors["hello"]["body"]));
    assert_eq!(Hello::open(&hello, &allowent_long), Ok(allower_short.public()));

    let oreo = array(&vectors["cookie"]["oreo"]);
    let stuff = CookieStuff { short: allowent_short.public(), nuid_r: 2, fuid_r: 3, oreo };
    let cookie = Cookie::write(&allowent_long, &allower_short.public(), array(&vectors["cookie"]["nonce"]), &stuff);
    assert_eq!(cookie.to_vec(), bytes(&vectors["cookie"]["body"]));
    assert_eq!(Cookie::open(&cookie, &allower_short, &allowent_long.public()), Ok(stuff));

    let initiate = Initiate::write(
        InitiateKeys {
            long: &allower_long,
            short: &allower_short,
            their_long: &allowent_long.public(),
            their_short: &allowent_short.public(),
        },
        oreo,
        text(&vectors["initiate"]["fqdn"]),
        [array(&vectors["initiate"]["vouch_nonce"]), array(&vectors["initiate"]["nonce"])],
    );
    assert_eq!(initiate.to_vec(), bytes(&vectors["initiate"]["body"]));
    let opened = Initiate::open(&initiate, &allowent_short, &allowent_long).unwrap();
    assert_eq!((opened.short, opened.long), (allower_short.public(), allower_long.public()));
    assert_eq!((opened.oreo, opened.fqdn.as_str()), (oreo, "localhost"));
}

#[test]
fn handshake_bodies_of_other_keys_stay_shut() {
    let keys = keys();
    let vectors = &load("handshake.json")["handshake"];
    let (allower, allowent) = (&keys["beta"], &keys["alpha"]);
    let other = SecretKey::from_bytes([9; 32]);
    let (hello, cookie, initiate) =
        (bytes(&vectors["hello"]["body"]), bytes(&vectors["cookie"]["body"]), bytes(&vectors["initiate"]["body"]));
    let (long, short) = (secret(&allowent["box_secret"]), secret(&allowent["short_secret"]));
    let allower_short = secret(&allower["short_secret"]);
    assert!(Hello::open(&hello, &other).is_err());
    assert!(Cookie::open(&cookie, &other, &long.public()).is_err());
    assert!(Cookie::open(&cookie, &allower_short, &other.public()).is_err());
    assert!(Initiate::open(&initiate, &other, &long).is_err());
    assert!(Initiate::open(&initiate, &short, &other).is_err());
    // Any changed byte that a box or vouch covers; the hello's leading plain text and the oreo are outside of them.
    for i in 64..hello.len() {
        assert!(Hello::open(&flipped(&hello, i), &long).is_err(), "{i}");
    }
    for i in 0..cookie.len() {
        assert!(Cookie::open(&flipped(&cookie, i), &allower_short, &long.public()).is_err(), "{i}");
    }
    for i in (0..32).chain(56..initiate.len()) {
        assert!(Initiate::open(&flipped(&initiate, i), &short, &long).is_err(), "{i}");
    }
    for len in [0, 1, 103, 105, 199, 201, 327, 329] {
        let body = vec![b'0'; len];
        assert!(Hello::open(&body, &long).is_err());
        assert!(Cookie::open(&body, &allower_short, &long.public()).is_err());
        assert!(Initiate::open(&body, &short, &long).is_err());
    }
}

fn flipped(bytes: &[u8], i: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[i] ^= 0x10;
    bytes
}

#[test]
fn keys_pair_up() {
    let keys = keys();
    for who in ["alpha", "beta"] {
        let entry = &keys[who];
        assert_eq!(signing(entry).verify_key().as_bytes().to_vec(), bytes(&entry["verify"]));
        assert_eq!(secret(&entry["box_secret"]).public(), public(&entry["box_public"]));
        assert_eq!(secret(&entry["short_secret"]).public(), public(&entry["short_public"]));
    }
}

#[test]
fn session_numbers() {
    let cases = load("sid.json");
    for case in list(&cases["cases_new_old_valid"]) {
        let (new, old, valid) = (number(&case[0]), number(&case[1]), case[2].as_bool().unwrap());
        assert_eq!(wrap::is_current(new, old), valid, "{new} after {old}");
    }
}

/// What the codec alone makes of a negative vector.
fn verdict(keys: &Value, case: &Value) -> Result<Head, &'static str> {
    let packet = bytes(&case["packet"]);
    let sender = text(&case["sender"]);
    let read = v0::read(&packet).map_err(|error| error.what)?;
    let head = read.head;
    let is_of = |transact, packet| head.transact == transact && head.packet == packet;
    if head.transact != TransactKind::Join && !read.verify(&signing(&keys[sender]).verify_key()) {
        return Err("signature");
    }
    if is_of(TransactKind::Join, PacketKind::Request) {
        JoinBody::read(read.coat, head.body).map_err(|error| error.what)?;
    }
    // "hello-not-joined" is answered before its box, which is for somebody else, is looked at.
    if is_of(TransactKind::Allow, PacketKind::Hello) && text(&case["name"]) != "hello-not-joined" {
        Hello::open(read.coat, &secret(&keys[peer(sender)]["box_secret"])).map_err(|error| error.what)?;
    }
    if head.transact == TransactKind::Message || head.transact == TransactKind::Alive {
        let plain = match head.coat {
            v0::CoatKind::Nada => read.coat.to_vec(),
            v0::CoatKind::Nacl => coat::open(read.coat, &short_box(keys, peer(sender))).ok_or("coat")?,
        };
        match head.body {
            BodyKind::Json => drop(body::json_to_msgpack(&plain).map_err(|error| error.what)?),
            BodyKind::Msgpack => drop(body::check_msgpack(plain.into()).map_err(|error| error.what)?),
            BodyKind::Nada | BodyKind::Raw => {}
        }
    }
    Ok(head)
}

/// Cases whose fault is in the state of the road, not in the bytes: the codec takes them.
const STATE: &[&str] = &[
    "message-unknown-remote",
    "si-zero",
    "se-zero",
    "broadcast-flag",
    "cf-nack-no-transaction",
    "join-si-nonzero",
    "join-se-zero",
    "join-ack-no-transaction",
];

#[test]
fn negative_vectors() {
    let keys = keys();
    let mut refused = 0;
    let cases = load("negative.json");
    for case in list(&cases["negative"]) {
        let (name, expect) = (text(&case["name"]), text(&case["expect"]));
        let verdict = verdict(&keys, case);
        let must_refuse = match expect {
            "drop or accept" => continue,
            "reject reply" => name.starts_with("signed-hello"),
            _ => expect.starts_with("drop") || expect.starts_with("nack or drop"),
        };
        if must_refuse && !STATE.contains(&name) {
            assert!(verdict.is_err(), "{name}: read as {verdict:?}");
            refused += 1;
        } else {
            assert!(verdict.is_ok(), "{name}: {verdict:?}");
        }
    }
    assert_eq!(refused, 69);
}
