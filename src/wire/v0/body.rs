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
