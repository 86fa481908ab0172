//! The body of a resend request (wire v0 §4.5): which segments are missing.

use super::body::msgpack_to_json;
use super::join::map_of;
use super::kinds::BodyKind;
use super::msgpack::{Reader, Token, write_array, write_map, write_raw, write_unsigned};
use super::{Malformed, malformed};

/// Most numbers in one request (wire v0 §8).
pub const MISSED_MAX: usize = 64;

const FIELD: &[u8] = b"misseds";

/// The numbers asked for.
pub fn read(body: &[u8], kind: BodyKind) -> Result<Vec<u32>, Malformed> {
    let body = map_of(body, kind)?;
    let mut reader = Reader::new(&body);
    let Token::Map(count) = reader.token()? else { return malformed("body is no map", 0) };
    let mut missed = None;
    for _ in 0..count {
        let at = reader.at();
        match reader.token()? {
            Token::Raw(FIELD) => missed = Some(numbers(&mut reader)?),
            Token::Array(_) | Token::Map(_) => return malformed("field name is no text", at),
            _ => reader.skip()?,
        }
    }
    missed.ok_or(Malformed { what: "no misseds", at: 0 })
}

/// A request for `missed`, of which raet sends at most [`MISSED_MAX`] at once.
pub fn write(missed: &[u32], kind: BodyKind) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + 5 * missed.len());
    write_map(1, &mut out);
    write_raw(FIELD, &mut out);
    write_array(missed.len(), &mut out);
    missed.iter().for_each(|&sn| write_unsigned(sn.into(), &mut out));
    match kind {
        // A list of numbers always has a JSON.
        BodyKind::Json => msgpack_to_json(&out).unwrap_or_default(),
        BodyKind::Nada | BodyKind::Raw | BodyKind::Msgpack => out,
    }
}

fn numbers(reader: &mut Reader<'_>) -> Result<Vec<u32>, Malformed> {
    let at = reader.at();
    let Token::Array(count) = reader.token()? else { return malformed("misseds is no list", at) };
    let mut out = Vec::new();
    for _ in 0..count {
        let at = reader.at();
        match reader.token()? {
            Token::Unsigned(sn) if u32::try_from(sn).is_ok() => out.push(sn as u32),
            _ => return malformed("missed is no segment number", at),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(missed in proptest::collection::vec(any::<u32>(), 0..=MISSED_MAX)) {
            for kind in [BodyKind::Json, BodyKind::Msgpack] {
                prop_assert_eq!(read(&write(&missed, kind), kind), Ok(missed.clone()));
            }
        }
    }

    #[test]
    fn illegal() {
        let bad =
            [r#"{}"#, r#"{"misseds":1}"#, r#"{"misseds":["1"]}"#, r#"{"misseds":[-1]}"#, r#"{"misseds":[4294967296]}"#];
        for body in bad {
            assert!(read(body.as_bytes(), BodyKind::Json).is_err(), "{body}");
        }
        assert_eq!(read(br#"{"a":[{}],"misseds":[1,2]}"#, BodyKind::Json), Ok(vec![1, 2]));
        assert!(read(b"", BodyKind::Raw).is_err());
    }
}
