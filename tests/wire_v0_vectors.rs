//! The classic wire against golden vectors made with Python raet 0.6.8 (wire v0): byte for byte, both ways.

use roadstead::nacl::SigningKey;
use roadstead::wire::v0::{self, BodyKind, CoatKind, FootKind, Head, HeadKind, Malformed, PacketKind, TransactKind};
use serde_json::Value;

fn vectors(file: &str) -> Value {
    let path = format!("{}/tests/vectors/v0/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn keys() -> Value {
    vectors("keys.json")["keys"].clone()
}

fn signing(keys: &Value, who: &str) -> SigningKey {
    SigningKey::from_seed(&array(&keys[who]["sign_seed"]))
}

/// A head from the fields Python was given or says it parsed.
fn head_of(fields: &Value) -> Head {
    let number = |key: &str| fields.get(key).map_or(0, |n| u32::try_from(n.as_u64().unwrap()).unwrap());
    let flag = |key: &str| fields.get(key).is_some_and(|flag| flag.as_bool().unwrap());
    Head {
        head_kind: HeadKind::from_number(number("hk")).unwrap(),
        transact: TransactKind::from_number(number("tk")).unwrap(),
        packet: PacketKind::from_number(number("pk")).unwrap(),
        se: number("se"),
        de: number("de"),
        si: number("si"),
        ti: number("ti"),
        sn: number("sn"),
        sc: fields.get("sc").map_or(1, |_| number("sc")),
        ml: number("ml"),
        body: BodyKind::from_number(number("bk")).unwrap(),
        coat: CoatKind::from_number(number("ck")).unwrap(),
        foot: FootKind::from_number(number("fk")).unwrap(),
        correspondent: flag("cf"),
        wait: flag("wf"),
        segment: flag("sf"),
        again: flag("af"),
        broadcast: flag("bf"),
    }
}

#[test]
fn packets_read_and_write() {
    let keys = keys();
    let mut written = 0;
    for file in ["packets-raet.json", "packets-json.json"] {
        for case in vectors(file)["packets"].as_array().unwrap() {
            let name = case["name"].as_str().unwrap();
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
            let sender = signing(&keys, case["sender"].as_str().unwrap());
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
