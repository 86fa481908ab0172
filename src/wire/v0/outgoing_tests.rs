//! Whatever is fed to the encoder, what comes out is what the old MessagePack of raet 0.6.8 takes.

use proptest::prelude::*;
use rmpv::Value;

use super::super::testing::any_head;
use super::super::{HeadKind, body};
use super::*;

/// Any MessagePack there is, odd keys, extensions and raw that is no text included.
fn any_value() -> impl Strategy<Value = Value> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "[a-z]{30,300}".prop_map(Value::from),
        bytes().prop_map(Value::Binary),
        (any::<i8>(), bytes()).prop_map(|(kind, bytes)| Value::Ext(kind, bytes)),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::vec((inner.clone(), inner), 0..6).prop_map(Value::Map),
        ]
    })
}

fn packed(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    rmpv::encode::write_value(&mut out, value).unwrap();
    out
}

/// What Python's `msgpack.loads(…, encoding='utf-8')` takes, said in another way than the encoder says it.
fn python_takes(value: &Value, audience: Audience) -> bool {
    match value {
        Value::Ext(..) => false,
        Value::String(text) => text.is_str(),
        Value::Binary(_) => audience == Audience::Raet,
        Value::Array(items) => items.iter().all(|item| python_takes(item, audience)),
        Value::Map(pairs) => pairs.iter().all(|(key, value)| {
            !matches!(key, Value::Array(_) | Value::Map(_))
                && python_takes(key, audience)
                && python_takes(value, audience)
        }),
        _ => true,
    }
}

/// As `python_takes`, of what may be fed: binary that is text becomes text.
fn may_pass(value: &Value, audience: Audience) -> bool {
    match value {
        Value::Binary(bytes) => audience == Audience::Raet || std::str::from_utf8(bytes).is_ok(),
        Value::Array(items) => items.iter().all(|item| may_pass(item, audience)),
        Value::Map(pairs) => pairs.iter().all(|(key, value)| {
            !matches!(key, Value::Array(_) | Value::Map(_)) && may_pass(key, audience) && may_pass(value, audience)
        }),
        other => python_takes(other, audience),
    }
}

/// The same, whatever was binary being text and every float a double: what the encoder may change.
fn plain(value: &Value, audience: Audience) -> Value {
    let of = |value: &Value| plain(value, audience);
    match value {
        Value::Binary(bytes) if audience == Audience::Salt => String::from_utf8(bytes.clone()).unwrap().into(),
        Value::F32(number) => f64::from(*number).into(),
        Value::Array(items) => Value::Array(items.iter().map(of).collect()),
        Value::Map(pairs) => Value::Map(pairs.iter().map(|(key, value)| (of(key), of(value))).collect()),
        other => other.clone(),
    }
}

/// Every byte that starts a value: str8 is none of raet's.
fn starts(bytes: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(bytes);
    let mut starts = Vec::new();
    while !reader.is_empty() {
        starts.push(bytes[reader.at()]);
        reader.token().unwrap();
    }
    starts
}

proptest! {
    #[test]
    fn what_leaves_is_what_python_takes(pairs in proptest::collection::vec((any_value(), any_value()), 0..6)) {
        let value = Value::Map(pairs);
        for audience in [Audience::Raet, Audience::Salt] {
            let fitted = fit(&packed(&value), audience);
            prop_assert_eq!(fitted.is_ok(), may_pass(&value, audience));
            let Ok(fitted) = fitted else { continue };
            let mut rest = fitted.as_slice();
            let read = rmpv::decode::read_value(&mut rest).unwrap();
            prop_assert!(rest.is_empty());
            prop_assert!(python_takes(&read, audience));
            // NaN is not itself.
            prop_assert_eq!(format!("{read:?}"), format!("{:?}", plain(&value, audience)));
            prop_assert!(!starts(&fitted).iter().any(|first| matches!(first, 0xc7..=0xc9 | 0xd4..=0xd9)));
            prop_assert!(body::check_msgpack(fitted.clone().into()).is_ok());
            prop_assert_eq!(fit(&fitted, audience), Ok(fitted.clone()), "twice is once");
        }
    }

    #[test]
    fn bytes_of_any_kind(
        start in proptest::option::of(0x80u8..0x84), bytes in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let bytes = [start.into_iter().collect(), bytes].concat();
        if let Ok(fitted) = fit(&bytes, Audience::Salt) {
            let mut rest = fitted.as_slice();
            let read = rmpv::decode::read_value(&mut rest).unwrap();
            prop_assert!(rest.is_empty() && read.is_map() && python_takes(&read, Audience::Salt));
        }
    }

    #[test]
    fn heads_that_leave(head in any_head(), len in 0usize..1100) {
        if check(&head, &vec![0; len]).is_ok() {
            prop_assert!(packet::len(&head, len) <= 1024 && !head.broadcast && head.sc > 0);
            prop_assert!(head.packet != PacketKind::Message || head.sn < head.sc);
            if head.transact == TransactKind::Join {
                prop_assert_eq!(head.si, 0);
            } else {
                prop_assert!(head.si != 0 && head.se != 0 && head.de != 0 && head.foot == FootKind::Nacl);
                prop_assert!(head.transact != TransactKind::Alive || len == 0);
            }
        }
    }
}

#[test]
fn depth() {
    let nested = |depth: usize| [[0x81, 0xa1, b'a'].repeat(depth - 1), vec![0x80]].concat();
    assert!(fit(&nested(BODY_DEPTH), Audience::Raet).is_ok());
    assert!(matches!(fit(&nested(BODY_DEPTH + 1), Audience::Raet), Err(Unfit::Malformed(_))));
}

#[test]
fn the_reason_is_said() {
    let of = |map: &[u8]| fit(map, Audience::Salt).unwrap_err().to_string();
    assert_eq!(of(b"\x81\xa1a\xc4\x01\xff"), "bytes that are no text at byte 3");
    assert_eq!(of(b"\x81\xa1a\xa1\xff"), "bytes that are no text at byte 3");
    assert_eq!(of(b"\x81\x90\x01"), "key is no plain value at byte 1");
    assert_eq!(of(b"\x81\xa1a\xd4\xff\x00"), "an extension at byte 3");
    assert_eq!(of(b"\x80\x80"), "bytes behind the body at byte 1");
    assert_eq!(of(b"\x90"), "body is no map at byte 0");
    assert_eq!(of(b""), "body is no map at byte 0");
    assert_eq!(of(b"\x82\xa1a\x01"), "MessagePack ends early at byte 4");
}

#[test]
fn packets_that_do_not_leave() {
    let alive = Head {
        transact: TransactKind::Alive,
        packet: PacketKind::Request,
        si: 1,
        se: 2,
        de: 3,
        foot: FootKind::Nacl,
        coat: CoatKind::Nacl,
        ..Head::default()
    };
    assert_eq!(check(&alive, &[]), Ok(()));
    for bad in [
        Head { de: 0, ..alive },
        Head { se: 0, ..alive },
        Head { si: 0, ..alive },
        Head { foot: FootKind::Nada, ..alive },
        Head { broadcast: true, ..alive },
        Head { sc: 0, ..alive },
    ] {
        assert!(check(&bad, &[]).is_err(), "{bad:?}");
    }
    assert!(check(&alive, &[0; 40]).is_err(), "a non-empty alive");
    let message =
        Head { transact: TransactKind::Message, packet: PacketKind::Message, body: BodyKind::Msgpack, ..alive };
    assert_eq!(check(&message, &[0; 40]), Ok(()));
    assert!(check(&Head { sn: 1, ..message }, &[0; 40]).is_err());
    assert!(check(&Head { coat: CoatKind::Nada, ..message }, &[0; 40]).is_err());
    assert!(check(&Head { body: BodyKind::Raw, ..message }, &[0; 40]).is_err());
    assert!(check(&message, &[0; 1000]).is_err(), "1024 bytes");
    let resend = Head { packet: PacketKind::Resend, coat: CoatKind::Nada, ..message };
    assert_eq!(check(&resend, b"\x80"), Ok(()));
    assert!(check(&Head { coat: CoatKind::Nacl, ..resend }, &[0; 50]).is_err());
    assert!(check(&resend, b"").is_err());
    let hello = Head { transact: TransactKind::Allow, packet: PacketKind::Hello, body: BodyKind::Raw, ..alive };
    let hello = Head { coat: CoatKind::Nada, head_kind: HeadKind::Json, ..hello };
    assert_eq!(check(&hello, &[0; 200]), Ok(()));
    assert!(check(&hello, &[0; 199]).is_err());
    let join =
        Head { transact: TransactKind::Join, packet: PacketKind::Request, body: BodyKind::Json, ..Head::default() };
    assert_eq!(check(&join, b"{}"), Ok(()));
    assert!(check(&join, b"").is_err());
    assert!(check(&Head { si: 1, ..join }, b"{}").is_err());
    assert!(check(&Head { packet: PacketKind::Reject, ..join }, b"{}").is_err());
}
