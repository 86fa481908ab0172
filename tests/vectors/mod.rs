//! The golden vectors of the classic wire, made with Python raet 0.6.8 and real Salt 2018.3.5, and how to read them.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "shared by several test files; a vector file that is not as expected is a failed test"
)]

use roadstead::nacl::{PublicKey, SecretKey, SigningKey};
use roadstead::wire::v0::{BodyKind, CoatKind, FootKind, Head, HeadKind, PacketKind, TransactKind};
use serde_json::Value;

/// One file of `tests/vectors/v0`.
pub fn load(file: &str) -> Value {
    let path = format!("{}/tests/vectors/v0/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The entries of a list.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// A text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Bytes written as hex.
pub fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

/// So many bytes written as hex.
pub fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

/// A box secret written as hex.
pub fn secret(value: &Value) -> SecretKey {
    SecretKey::from_bytes(array(value))
}

/// A box public key written as hex.
pub fn public(value: &Value) -> PublicKey {
    PublicKey::from_bytes(array(value)).unwrap()
}

/// The signing key of an entry with `sign_seed`.
pub fn signing(keys: &Value) -> SigningKey {
    SigningKey::from_seed(&array(&keys["sign_seed"]))
}

/// A number of 32 bits.
pub fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

/// A head from the fields Python was given, or says it parsed.
pub fn head_of(fields: &Value) -> Head {
    let number = |key: &str| fields.get(key).map_or(0, number);
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

/// A body as MessagePack sees it: `__hex__` is binary, `__repeat__` the long text the generator made.
pub fn body_of(value: &Value) -> rmpv::Value {
    match value {
        Value::Null => rmpv::Value::Nil,
        Value::Bool(yes) => (*yes).into(),
        Value::Number(n) => match (n.as_u64(), n.as_i64()) {
            (Some(n), _) => n.into(),
            (None, Some(n)) => n.into(),
            (None, None) => n.as_f64().unwrap().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => rmpv::Value::Array(items.iter().map(body_of).collect()),
        Value::Object(map) => {
            if let Some(hex) = map.get("__hex__") {
                return rmpv::Value::Binary(bytes(hex));
            }
            if let Some(formula) = map.get("__repeat__") {
                return repeated(text(formula)).into();
            }
            rmpv::Value::Map(map.iter().map(|(key, value)| (key.as_str().into(), body_of(value))).collect())
        }
    }
}

/// `chr(97+(i*7+i//26)%26) for i in range(N)`.
fn repeated(formula: &str) -> String {
    let rest = formula.strip_prefix("chr(97+(i*7+i//26)%26) for i in range(").unwrap();
    let len: usize = rest.strip_suffix(')').unwrap().parse().unwrap();
    (0..len).map(|i| char::from(97 + ((i * 7 + i / 26) % 26) as u8)).collect()
}
