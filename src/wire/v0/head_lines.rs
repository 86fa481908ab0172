//! Reads a raet head: `key value` lines and an empty line (wire v0 §1.1, §1.2). No allocation, one pass.

use super::fields::{Fields, HEAD_MAX, Key, hex_number};
use super::{Malformed, malformed};

/// How such a head begins.
pub(super) const PREFIX: &[u8] = b"ri RAET\n";

/// The fields and the head's length with its terminator. `datagram` begins with [`PREFIX`].
pub(super) fn read(datagram: &[u8]) -> Result<(Fields, usize), Malformed> {
    let zone = datagram.get(..HEAD_MAX).unwrap_or(datagram);
    let mut fields = Fields::new();
    let mut at = PREFIX.len();
    loop {
        let rest = zone.get(at..).unwrap_or_default();
        let (key, value) = match rest {
            [b'\n', ..] => return Ok((fields, at + 1)),
            [a, b, b' ', value @ ..] => ([*a, *b], value),
            [] => return malformed("no end of head", at),
            _ => return malformed("line is not key, space, value", at),
        };
        let Some(len) = value.iter().position(|&byte| byte == b'\n') else {
            return malformed("no end of head", at);
        };
        let value = value.get(..len).unwrap_or_default();
        let Some(key) = Key::of(&key) else { return malformed("unknown head field", at) };
        match key {
            Key::Ri if value == b"RAET" => {}
            Key::Dt if is_decimal(value) => {}
            Key::Ri | Key::Dt => return malformed("illegal head value", at + 3),
            _ => match hex_number(value) {
                Some(number) => fields.set(key, number),
                None => return malformed("head value is no hex number", at + 3),
            },
        }
        at += 3 + len + 1;
    }
}

/// `%f` of a time stamp nobody uses.
fn is_decimal(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<f64>().is_ok())
}
