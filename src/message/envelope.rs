//! [`Message`] as one MessagePack map, and back. Bodies are spliced, never decoded.

use bytes::{Bytes, BytesMut};
use rmp::Marker;
use rmp::decode::{read_marker, read_str_from_slice};
use rmp::encode as put;

use super::{Address, BadMessage, Message, Route};
use crate::base::{Name, limits};

impl Message {
    /// The map form. The route comes last; nothing in RAET depends on the order.
    pub fn to_map(&self) -> Result<Bytes, BadMessage> {
        let mut out = Vec::with_capacity(self.body.len() + 160);
        if self.kind.is_empty() {
            let (count, entries) = map_header(&self.body)?;
            if self.route == Route::default() {
                return Ok(self.body.clone());
            }
            write_map_len(&mut out, count.saturating_add(1));
            out.extend_from_slice(entries);
        } else {
            write_map_len(&mut out, 2);
            write_text(&mut out, &self.kind);
            out.extend_from_slice(&self.body);
        }
        write_text(&mut out, "route");
        write_map_len(&mut out, 2);
        for (key, end) in [("src", &self.route.src), ("dst", &self.route.dst)] {
            write_text(&mut out, key);
            write_address(&mut out, end);
        }
        Ok(out.into())
    }

    /// Reads the map form. A map of `route` and one other key becomes that kind; any other map becomes kind `""` whose
    /// body is the map without its route. A map without `route` has an empty route.
    pub fn from_map(map: &Bytes) -> Result<Self, BadMessage> {
        let (count, entries) = map_header(map)?;
        let mut rest = entries;
        let mut route = None;
        let mut kept: Vec<(Option<&str>, &[u8], &[u8])> = Vec::new();
        for _ in 0..count {
            let entry = rest;
            let after_key = skip(rest, limits::BODY_DEPTH)?;
            let key = read_str_from_slice(rest).ok().map(|(text, _)| text);
            let after_value = skip(after_key, limits::BODY_DEPTH)?;
            let value = before(after_key, after_value);
            if key == Some("route") {
                route = Some(read_route(value)?);
            } else {
                kept.push((key, before(entry, after_value), value));
            }
            rest = after_value;
        }
        if !rest.is_empty() {
            return Err(BadMessage::Encoding);
        }
        let Some(route) = route else {
            return Ok(Self { route: Route::default(), kind: String::new(), body: map.clone() });
        };
        if let [(Some(kind), _, value)] = kept.as_slice()
            && !kind.is_empty()
        {
            return Ok(Self { route, kind: (*kind).to_owned(), body: map.slice_ref(value) });
        }
        let mut body = Vec::with_capacity(map.len());
        write_map_len(&mut body, u32::try_from(kept.len()).map_err(|_| BadMessage::Encoding)?);
        kept.iter().for_each(|(_, entry, _)| body.extend_from_slice(entry));
        Ok(Self { route, kind: String::new(), body: BytesMut::from(body.as_slice()).freeze() })
    }
}

/// Checks that `bytes` is exactly one value, nested no deeper than [`limits::BODY_DEPTH`].
pub fn check(bytes: &[u8]) -> Result<(), BadMessage> {
    if skip(bytes, limits::BODY_DEPTH)?.is_empty() { Ok(()) } else { Err(BadMessage::Encoding) }
}

fn before<'a>(whole: &'a [u8], rest: &[u8]) -> &'a [u8] {
    whole.get(..whole.len() - rest.len()).unwrap_or_default()
}

fn map_header(bytes: &[u8]) -> Result<(u32, &[u8]), BadMessage> {
    let mut rest = bytes;
    let count = rmp::decode::read_map_len(&mut rest).map_err(|_| BadMessage::NotAMap)?;
    Ok((count, rest))
}

fn read_route(bytes: &[u8]) -> Result<Route, BadMessage> {
    type Triple = (Option<String>, Option<String>, Option<String>);
    #[derive(serde::Deserialize)]
    struct Raw {
        src: Triple,
        dst: Triple,
    }
    fn name(text: Option<String>) -> Result<Option<Name>, BadMessage> {
        text.filter(|t| !t.is_empty()).map(|t| Name::new(&t)).transpose().map_err(|_| BadMessage::Route)
    }
    fn address((estate, yard, share): Triple) -> Result<Address, BadMessage> {
        Ok(Address { estate: name(estate)?, yard: name(yard)?, share: name(share)? })
    }
    let raw: Raw = rmp_serde::from_slice(bytes).map_err(|_| BadMessage::Route)?;
    Ok(Route { src: address(raw.src)?, dst: address(raw.dst)? })
}

fn write_address(out: &mut Vec<u8>, address: &Address) {
    out.push(0x93);
    for part in [&address.estate, &address.yard, &address.share] {
        match part {
            Some(name) => write_text(out, name.as_str()),
            None => out.push(0xc0),
        }
    }
}

/// Text as the MessagePack of before 2013 writes it, which every raet reads: never `str8` (wire v0 §1.4).
fn write_text(out: &mut Vec<u8>, text: &str) {
    match u16::try_from(text.len()) {
        Ok(len @ 0..32) => out.push(0xa0 | len as u8),
        Ok(len) => {
            out.push(0xda);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            out.push(0xdb);
            out.extend_from_slice(&(text.len() as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

fn write_map_len(out: &mut Vec<u8>, len: u32) {
    // Writing to a Vec cannot fail.
    let _ = put::write_map_len(out, len);
}

/// What follows the first value in `bytes`.
fn skip(bytes: &[u8], depth: usize) -> Result<&[u8], BadMessage> {
    let depth = depth.checked_sub(1).ok_or(BadMessage::Encoding)?;
    let mut rest = bytes;
    let marker = read_marker(&mut rest).map_err(|_| BadMessage::Encoding)?;
    let (fixed, counted, items) = match marker {
        Marker::Null | Marker::True | Marker::False | Marker::FixPos(_) | Marker::FixNeg(_) => (0, 0, 0),
        Marker::U8 | Marker::I8 => (1, 0, 0),
        Marker::U16 | Marker::I16 | Marker::FixExt1 => (2, 0, 0),
        Marker::U32 | Marker::I32 | Marker::F32 => (4, 0, 0),
        Marker::U64 | Marker::I64 | Marker::F64 => (8, 0, 0),
        Marker::FixExt2 => (3, 0, 0),
        Marker::FixExt4 => (5, 0, 0),
        Marker::FixExt8 => (9, 0, 0),
        Marker::FixExt16 => (17, 0, 0),
        Marker::FixStr(len) => (usize::from(len), 0, 0),
        Marker::Str8 | Marker::Bin8 => (0, 1, 0),
        Marker::Str16 | Marker::Bin16 => (0, 2, 0),
        Marker::Str32 | Marker::Bin32 => (0, 4, 0),
        Marker::Ext8 => (1, 1, 0),
        Marker::Ext16 => (1, 2, 0),
        Marker::Ext32 => (1, 4, 0),
        Marker::FixArray(n) => (0, 0, usize::from(n)),
        Marker::FixMap(n) => (0, 0, usize::from(n) * 2),
        Marker::Array16 => (0, 0, take_number(&mut rest, 2)?),
        Marker::Array32 => (0, 0, take_number(&mut rest, 4)?),
        Marker::Map16 => (0, 0, take_number(&mut rest, 2)? * 2),
        Marker::Map32 => (0, 0, take_number(&mut rest, 4)?.saturating_mul(2)),
        Marker::Reserved => return Err(BadMessage::Encoding),
    };
    let length = if counted > 0 { take_number(&mut rest, counted)? } else { 0 };
    rest = rest.get(length.saturating_add(fixed)..).ok_or(BadMessage::Encoding)?;
    for _ in 0..items {
        rest = skip(rest, depth)?;
    }
    Ok(rest)
}

fn take_number(rest: &mut &[u8], width: usize) -> Result<usize, BadMessage> {
    let (number, after) = rest.split_at_checked(width).ok_or(BadMessage::Encoding)?;
    *rest = after;
    Ok(number.iter().fold(0, |n, byte| n << 8 | usize::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(estate: &str, yard: &str) -> Address {
        Address { estate: Name::new(estate).ok(), yard: Name::new(yard).ok(), share: Name::new("fun").ok() }
    }

    #[test]
    fn salt_shape() {
        let route = Route { src: address("vm_master_master", ""), dst: address("web1_minion", "") };
        let message = Message::new(route, "pub", &serde_json::json!({"fun": "test.ping", "arg": []})).unwrap();
        let map: serde_json::Value = rmp_serde::from_slice(&message.to_map().unwrap()).unwrap();
        assert_eq!(
            map,
            serde_json::json!({
                "pub": {"fun": "test.ping", "arg": []},
                "route": {"src": ["vm_master_master", null, "fun"], "dst": ["web1_minion", null, "fun"]},
            })
        );
        assert_eq!(Message::from_map(&message.to_map().unwrap()), Ok(message));
    }

    #[test]
    fn several_keys_stay_a_map() {
        let map = serde_json::json!({"tag": "t", "route": {"src": [null, "a", null], "dst": [null, null, ""]}, "data": {"x": 1}});
        let message = Message::from_map(&rmp_serde::to_vec(&map).unwrap().into()).unwrap();
        assert_eq!(message.kind, "");
        assert_eq!(message.read::<serde_json::Value>(), Ok(serde_json::json!({"tag": "t", "data": {"x": 1}})));
        assert_eq!(message.route.src.yard, Name::new("a").ok());
    }

    #[test]
    fn refuses_depth_truncation_and_foreign_names() {
        let deep = Bytes::from([vec![0x91; 100], vec![0xc0]].concat());
        assert_eq!(check(&deep), Err(BadMessage::Encoding));
        assert_eq!(Message::from_map(&Bytes::from_static(b"\x82\xa1a\x01")), Err(BadMessage::Encoding));
        assert_eq!(Message::from_map(&Bytes::from_static(b"\x91\x01")), Err(BadMessage::NotAMap));
        let map = serde_json::json!({"load": 1, "route": {"src": ["../x", null, null], "dst": [null, null, null]}});
        assert_eq!(Message::from_map(&rmp_serde::to_vec(&map).unwrap().into()), Err(BadMessage::Route));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_round_trip(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes = Bytes::from(bytes);
            if let Ok(message) = Message::from_map(&bytes) {
                let again = Message::from_map(&message.to_map().unwrap()).unwrap();
                prop_assert_eq!(again, message);
            }
        }

        #[test]
        fn text_of_any_length(kind in "[a-z]{1,12}", text in ".{0,600}", times in prop_oneof![Just(1usize), Just(200)]) {
            let text = text.repeat(times);
            let message = Message::new(Route { src: address("a", "b"), dst: Address::default() }, &kind, &text).unwrap();
            if kind != "route" {
                let again = Message::from_map(&message.to_map().unwrap()).unwrap();
                prop_assert_eq!(again.read::<String>().unwrap(), text);
            }
        }
    }
}
