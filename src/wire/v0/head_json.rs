//! Reads a json head: one compact object and an empty line (wire v0 §1.1, §1.2). Unknown keys are ignored.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::fields::{Fields, HEAD_MAX, Key, hex_number};
use super::{Malformed, malformed};

/// How such a head begins.
pub(super) const PREFIX: &[u8] = b"{\"ri\":\"RAET\",";
/// How it ends.
pub(super) const END: &[u8] = b"\r\n\r\n";

/// The fields and the head's length with its terminator. `datagram` begins with [`PREFIX`].
pub(super) fn read(datagram: &[u8]) -> Result<(Fields, usize), Malformed> {
    let zone = datagram.get(..HEAD_MAX).unwrap_or(datagram);
    let Some(len) = zone.windows(END.len()).position(|window| window == END) else {
        return malformed("no end of head", zone.len());
    };
    let text = zone.get(..len).unwrap_or_default();
    if !text.is_ascii() {
        return malformed("head is not ASCII", 0);
    }
    match serde_json::from_slice::<Object>(text) {
        Ok(Object(fields)) => Ok((fields, len + END.len())),
        Err(error) => malformed("head is no legal JSON object", error.column()),
    }
}

struct Object(Fields);
struct Keyword(Option<Key>);
struct HexText(u32);
struct ProtocolId;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a head")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut fields = Fields::new();
        while let Some(Keyword(key)) = map.next_key()? {
            match key {
                None | Some(Key::Flag) => {
                    map.next_value::<IgnoredAny>()?;
                }
                Some(Key::Ri) => {
                    map.next_value::<ProtocolId>()?;
                }
                Some(Key::Dt) => {
                    map.next_value::<f64>()?;
                }
                Some(key @ (Key::Pl | Key::Hl | Key::Fg)) => fields.set(key, map.next_value::<HexText>()?.0),
                Some(key) => fields.set(key, map.next_value()?),
            }
        }
        Ok(Object(fields))
    }
}

impl<'de> Deserialize<'de> for Keyword {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(|text| Some(Self(Key::of(text)))))
    }
}

impl<'de> Deserialize<'de> for HexText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(|text| hex_number(text).map(Self)))
    }
}

impl<'de> Deserialize<'de> for ProtocolId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(|text| (text == b"RAET").then_some(Self)))
    }
}

/// A text turned into a value without being kept.
struct TextVisitor<T>(fn(&[u8]) -> Option<T>);

impl<T> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a legal text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        self.0(text.as_bytes()).ok_or_else(|| E::custom("illegal text"))
    }
}
