//! The map bodies of joins and messages (wire v0 §1.4). Inside the house a body is one MessagePack map; JSON is turned
//! into it and out of it here. An empty map has no bytes on the wire.

use bytes::Bytes;
use rmpv::Value;
use serde_json::Value as Json;

use super::msgpack::{
    Reader, Token, write_array, write_bin, write_ext, write_float, write_map, write_raw, write_signed, write_unsigned,
};
use super::{Malformed, malformed};
use crate::base::limits::BODY_DEPTH;

/// A map with nothing in it.
const EMPTY_MAP: &[u8] = &[0x80];

/// `value` in the old MessagePack spec: text is raw, binary stays bin. An empty map gives no bytes.
pub fn pack_msgpack(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    if !matches!(value, Value::Map(pairs) if pairs.is_empty()) {
        write_value(value, &mut out);
    }
    out
}

/// Checks a received MessagePack body: exactly one map, all text UTF-8, no deeper than [`BODY_DEPTH`]. No bytes are an
/// empty map.
pub fn check_msgpack(body: Bytes) -> Result<Bytes, Malformed> {
    if body.is_empty() {
        return Ok(Bytes::from_static(EMPTY_MAP));
    }
    if !matches!(body.first(), Some(0x80..=0x8f | 0xde | 0xdf)) {
        return malformed("body is no map", 0);
    }
    let mut reader = Reader::new(&body);
    reader.skip()?;
    if !reader.is_empty() {
        return malformed("bytes behind the body", reader.at());
    }
    Ok(body)
}

/// A received JSON body as one MessagePack map. No bytes are an empty map.
pub fn json_to_msgpack(body: &[u8]) -> Result<Bytes, Malformed> {
    if body.is_empty() {
        return Ok(Bytes::from_static(EMPTY_MAP));
    }
    let value: Json = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => return malformed("body is no JSON", error.column()),
    };
    if !value.is_object() {
        return malformed("body is no map", 0);
    }
    let mut out = Vec::with_capacity(body.len());
    write_json_value(&value, 0, &mut out)?;
    Ok(out.into())
}

/// A MessagePack map as the JSON raet would write: compact, ASCII. An empty map gives no bytes; binary has no JSON.
pub fn msgpack_to_json(body: &[u8]) -> Result<Vec<u8>, Malformed> {
    if body.is_empty() || body == EMPTY_MAP {
        return Ok(Vec::new());
    }
    let mut reader = Reader::new(body);
    let mut out = Vec::with_capacity(body.len() + body.len() / 4);
    match reader.token()? {
        Token::Map(count) => write_json_map(count, &mut reader, 1, &mut out)?,
        _ => return malformed("body is no map", 0),
    }
    if !reader.is_empty() {
        return malformed("bytes behind the body", reader.at());
    }
    Ok(out)
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Nil => out.push(0xc0),
        Value::Boolean(yes) => out.push(if *yes { 0xc3 } else { 0xc2 }),
        Value::Integer(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => write_unsigned(number, out),
            (None, Some(number)) => write_signed(number, out),
            (None, None) => out.push(0xc0),
        },
        Value::F32(number) => write_float(f64::from(*number), out),
        Value::F64(number) => write_float(*number, out),
        Value::String(text) => write_raw(text.as_bytes(), out),
        Value::Binary(bytes) => write_bin(bytes, out),
        Value::Array(items) => {
            write_array(items.len(), out);
            items.iter().for_each(|item| write_value(item, out));
        }
        Value::Map(pairs) => {
            write_map(pairs.len(), out);
            for (key, value) in pairs {
                write_value(key, out);
                write_value(value, out);
            }
        }
        Value::Ext(kind, bytes) => write_ext(*kind, bytes, out),
    }
}

fn write_json_value(value: &Json, depth: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    if depth >= BODY_DEPTH && (value.is_array() || value.is_object()) {
        return malformed("body too deep", 0);
    }
    match value {
        Json::Null => out.push(0xc0),
        Json::Bool(yes) => out.push(if *yes { 0xc3 } else { 0xc2 }),
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => write_unsigned(number, out),
            (None, Some(number)) => write_signed(number, out),
            (None, None) => write_float(number.as_f64().unwrap_or_default(), out),
        },
        Json::String(text) => write_raw(text.as_bytes(), out),
        Json::Array(items) => {
            write_array(items.len(), out);
            items.iter().try_for_each(|item| write_json_value(item, depth + 1, out))?;
        }
        Json::Object(pairs) => {
            write_map(pairs.len(), out);
            for (key, value) in pairs {
                write_raw(key.as_bytes(), out);
                write_json_value(value, depth + 1, out)?;
            }
        }
    }
    Ok(())
}

fn write_json(reader: &mut Reader<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let at = reader.at();
    match reader.token()? {
        Token::Raw(text) => write_json_text(text, at, out),
        Token::Array(_) | Token::Map(_) if depth >= BODY_DEPTH => malformed("body too deep", at),
        Token::Array(count) => {
            out.push(b'[');
            for i in 0..count {
                if i > 0 {
                    out.push(b',');
                }
                write_json(reader, depth + 1, out)?;
            }
            out.push(b']');
            Ok(())
        }
        Token::Map(count) => write_json_map(count, reader, depth + 1, out),
        token => write_json_scalar(token, at, out),
    }
}

fn write_json_map(count: u32, reader: &mut Reader<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    out.push(b'{');
    for i in 0..count {
        if i > 0 {
            out.push(b',');
        }
        let at = reader.at();
        match reader.token()? {
            Token::Raw(text) => write_json_text(text, at, out)?,
            // `json.dumps` makes text of such keys.
            key => {
                out.push(b'"');
                write_json_scalar(key, at, out)?;
                out.push(b'"');
            }
        }
        out.push(b':');
        write_json(reader, depth, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_json_scalar(token: Token<'_>, at: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    match token {
        Token::Nil => out.extend_from_slice(b"null"),
        Token::Bool(yes) => out.extend_from_slice(if yes { b"true" } else { b"false" }),
        Token::Unsigned(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Token::Negative(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Token::Float(number) => match serde_json::Number::from_f64(number) {
            Some(number) => out.extend_from_slice(number.to_string().as_bytes()),
            None => return malformed("JSON has no such number", at),
        },
        _ => return malformed("JSON has no such value", at),
    }
    Ok(())
}

fn write_json_text(text: &[u8], at: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let Ok(text) = std::str::from_utf8(text) else { return malformed("text is not UTF-8", at) };
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            ' '..='~' => out.push(c as u8),
            // Python's json leaves DEL as it is.
            '\u{7f}' => out.push(0x7f),
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|&unit| write_escape(unit, out)),
        }
    }
    out.push(b'"');
    Ok(())
}

fn write_escape(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for place in (0..4).rev() {
        let digit = (unit >> (4 * place) & 0xf) as u8;
        out.push(if digit < 10 { b'0' + digit } else { b'a' - 10 + digit });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What JSON can say as well.
    fn any_plain() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Nil),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-200i64..300).prop_map(Value::from),
            any::<f64>().prop_filter("JSON has no such number", |n| n.is_finite()).prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
            Just(Value::from("x".repeat(300))),
        ];
        leaf.prop_recursive(6, 60, 20, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..20).prop_map(Value::Array),
                proptest::collection::btree_map(".{0,12}", inner, 0..20)
                    .prop_map(|map| Value::Map(map.into_iter().map(|(key, value)| (key.into(), value)).collect())),
            ]
        })
    }

    /// Anything at all.
    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any_plain(),
            any::<f64>().prop_filter("NaN is not equal to itself", |n| !n.is_nan()).prop_map(Value::from),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Binary),
            (any::<i8>(), proptest::collection::vec(any::<u8>(), 0..20))
                .prop_map(|(kind, data)| Value::Ext(kind, data)),
        ];
        leaf.prop_recursive(4, 30, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
                proptest::collection::vec((inner.clone(), inner), 0..8).prop_map(Value::Map),
            ]
        })
    }

    fn map(value: Value) -> Value {
        Value::Map(vec![("value".into(), value)])
    }

    proptest! {
        #[test]
        fn packed_bodies_are_legal_and_say_the_same(value in any_value()) {
            let packed = Bytes::from(pack_msgpack(&map(value.clone())));
            prop_assert_eq!(check_msgpack(packed.clone()), Ok(packed.clone()));
            prop_assert_eq!(rmpv::decode::read_value(&mut &packed[..]).unwrap(), map(value));
        }

        #[test]
        fn other_writers_bodies_are_legal(value in any_value()) {
            // rmpv writes str8, which raet 0.6.8 reads and never writes.
            let mut packed = Vec::new();
            rmpv::encode::write_value(&mut packed, &map(value)).unwrap();
            prop_assert!(check_msgpack(packed.into()).is_ok());
        }

        #[test]
        fn json_and_back(value in any_plain()) {
            let packed = pack_msgpack(&map(value));
            let json = msgpack_to_json(&packed).unwrap();
            prop_assert!(json.is_ascii());
            prop_assert_eq!(json_to_msgpack(&json).unwrap(), packed);
        }

        #[test]
        fn nothing_panics_and_one_judge_agrees_with_the_other(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = json_to_msgpack(&bytes);
            let _ = msgpack_to_json(&bytes);
            if let Ok(body) = check_msgpack(bytes.into()) {
                let mut rest = &body[..];
                prop_assert!(rmpv::decode::read_value(&mut rest).unwrap().is_map());
                prop_assert!(rest.is_empty());
            }
        }
    }

    #[test]
    fn text_is_never_str8() {
        for (len, first) in [(31, 0xbf), (32, 0xda), (255, 0xda), (256, 0xda), (65_535, 0xda), (65_536, 0xdb)] {
            assert_eq!(pack_msgpack(&"x".repeat(len).into())[0], first, "{len}");
        }
    }

    #[test]
    fn empty_maps_are_no_bytes() {
        assert!(pack_msgpack(&Value::Map(Vec::new())).is_empty());
        assert_eq!(msgpack_to_json(EMPTY_MAP), Ok(Vec::new()));
        assert_eq!(msgpack_to_json(b""), Ok(Vec::new()));
        assert_eq!(json_to_msgpack(b"").as_deref(), Ok(EMPTY_MAP));
        assert_eq!(json_to_msgpack(b"{}").as_deref(), Ok(EMPTY_MAP));
        assert_eq!(check_msgpack(Bytes::new()).as_deref(), Ok(EMPTY_MAP));
    }

    #[test]
    fn json_as_python_writes_it() {
        let value = Value::Map(vec![
            ("é☃\u{1f600}\u{7f}".into(), "\"\\/\n\r\t\u{8}\u{c}\u{1}".into()),
            (1.into(), Value::Nil),
            (Value::Nil, true.into()),
            (false.into(), (-5).into()),
            ("f".into(), 1.5.into()),
        ]);
        let expect = br#"{"\u00e9\u2603\ud83d\ude00"#.as_slice();
        let json = msgpack_to_json(&pack_msgpack(&value)).unwrap();
        assert!(json.starts_with(expect));
        let rest = "\u{7f}\":\"\\\"\\\\/\\n\\r\\t\\b\\f\\u0001\",\"1\":null,\"null\":true,\"false\":-5,\"f\":1.5}";
        assert_eq!(&json[expect.len()..], rest.as_bytes());
    }

    #[test]
    fn what_json_cannot_say() {
        for value in [Value::Binary(vec![1]), Value::Ext(1, vec![2]), f64::NAN.into(), f64::INFINITY.into()] {
            assert!(msgpack_to_json(&pack_msgpack(&map(value))).is_err());
        }
        assert!(msgpack_to_json(&pack_msgpack(&Value::Map(vec![(Value::Binary(vec![1]), 1.into())]))).is_err());
    }

    #[test]
    fn depth_is_bounded_the_same_everywhere() {
        let nested = |depth: usize| (1..depth).fold(Value::Map(Vec::new()), |inner, _| map(inner));
        let json = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({ "value": inner })).to_string();
        let deep = pack_msgpack(&nested(BODY_DEPTH));
        assert!(check_msgpack(deep.clone().into()).is_ok());
        assert_eq!(msgpack_to_json(&deep), Ok(json(BODY_DEPTH).into_bytes()));
        assert_eq!(json_to_msgpack(json(BODY_DEPTH).as_bytes()).unwrap(), deep);
        let deeper = pack_msgpack(&nested(BODY_DEPTH + 1));
        assert_eq!(check_msgpack(deeper.clone().into()).unwrap_err().what, "body too deep");
        assert_eq!(msgpack_to_json(&deeper).unwrap_err().what, "body too deep");
        assert_eq!(json_to_msgpack(json(BODY_DEPTH + 1).as_bytes()).unwrap_err().what, "body too deep");
    }

    #[test]
    fn illegal_bodies() {
        // A list, a number, text that is not UTF-8 in a value and in a key, an end too early, bytes too many, c1.
        let bad: [&[u8]; 9] = [
            b"\x90",
            b"\x01",
            b"\x81\xa1a\xa1\xff",
            b"\x81\xa1\xff\x01",
            b"\x81\xa1a",
            b"\x80\x80",
            b"\x81\xa1a\xc1",
            b"\xdf\xff\xff\xff\xff",
            b"\x81\xa1a\xc6\xff\xff\xff\xff",
        ];
        for body in bad {
            assert!(check_msgpack(Bytes::from_static(body)).is_err(), "{body:x?}");
            assert!(msgpack_to_json(body).is_err(), "{body:x?}");
        }
        for body in ["[1]", "1", "{", "{} {}", "{\"a\":}", "{\"a\":\"\\ud800\"}", "null"] {
            assert!(json_to_msgpack(body.as_bytes()).is_err(), "{body}");
        }
    }
}
