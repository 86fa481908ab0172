//! A body as a JSON value, whatever MessagePack a peer of any age wrote: raw bytes, extensions and odd keys become text.

use rmpv::Value as Packed;
use serde_json::{Map, Number, Value};

use super::{BadMessage, Message, check};
use crate::base::limits;

impl Message {
    /// The body as a JSON value. Nothing well-formed is refused: text that is not UTF-8 and raw bytes are read with
    /// replacement characters, keys that are no text are written out, NaN and infinities become null.
    pub fn read_value(&self) -> Result<Value, BadMessage> {
        check(&self.body)?;
        let mut rest: &[u8] = &self.body;
        // The reader counts a container twice; the check above holds the depth proper.
        let packed = rmpv::decode::read_value_with_max_depth(&mut rest, limits::BODY_DEPTH * 2 + 2);
        packed.map(lenient).map_err(|_| BadMessage::Encoding)
    }
}

/// Depth is bounded by the reader, so plain recursion is safe.
fn lenient(packed: Packed) -> Value {
    match packed {
        Packed::Nil => Value::Null,
        Packed::Boolean(flag) => Value::Bool(flag),
        Packed::Integer(n) => n.as_i64().map(Number::from).or_else(|| n.as_u64().map(Number::from)).into(),
        Packed::F32(x) => Number::from_f64(f64::from(x)).into(),
        Packed::F64(x) => Number::from_f64(x).into(),
        Packed::String(text) => Value::String(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        Packed::Binary(bytes) | Packed::Ext(_, bytes) => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
        Packed::Array(items) => Value::Array(items.into_iter().map(lenient).collect()),
        Packed::Map(entries) => {
            let entry = |(key, value)| (key_text(lenient(key)), lenient(value));
            Value::Object(entries.into_iter().map(entry).collect::<Map<_, _>>())
        }
    }
}

fn key_text(key: Value) -> String {
    match key {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Route;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(bytes: &[u8]) -> Result<Value, BadMessage> {
        Message { route: Route::default(), kind: "load".to_owned(), body: bytes.to_vec().into() }.read_value()
    }

    #[test]
    fn old_raw_and_new_bin_are_text() {
        // {"a": raw ff 41, 1: bin 42}, as a Python 2 and a Python 3 peer would write them.
        assert_eq!(read(b"\x82\xa1a\xa2\xffA\x01\xc4\x01B"), Ok(json!({"a": "\u{fffd}A", "1": "B"})));
    }

    #[test]
    fn not_a_number_is_null() {
        assert_eq!(read(&rmp_serde::to_vec(&f64::NAN).unwrap()), Ok(Value::Null));
        assert_eq!(read(&rmp_serde::to_vec(&u64::MAX).unwrap()), Ok(json!(u64::MAX)));
    }

    #[test]
    fn two_values_or_none_are_refused() {
        assert_eq!(read(b"\x01\x02"), Err(BadMessage::Encoding));
        assert_eq!(read(b""), Err(BadMessage::Encoding));
    }

    proptest! {
        #[test]
        fn reads_whatever_the_check_lets_through(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(read(&bytes).is_ok(), check(&bytes).is_ok());
        }

        #[test]
        fn deep_as_the_limit(depth in 1usize..limits::BODY_DEPTH + 4) {
            let bytes = [vec![0x91; depth - 1], vec![0xc0]].concat();
            prop_assert_eq!(read(&bytes).is_ok(), depth <= limits::BODY_DEPTH);
        }
    }
}
