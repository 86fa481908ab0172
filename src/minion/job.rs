//! A job as it arrives: read from any master's message, its keyword arguments told apart. Pure.

use serde_json::{Map, Value};

use crate::message::{BadMessage, Message};

/// Longest job id that is taken; Salt's have 20 digits.
const JID_MAX: usize = 64;

/// A published job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Job {
    pub(super) jid: String,
    pub(super) fun: String,
    /// The arguments as they came, keywords included.
    pub(super) arg: Vec<Value>,
    pub(super) tgt: Value,
    pub(super) tgt_type: String,
    pub(super) user: String,
}

impl Job {
    /// Reads a message of kind `pub` (Salt over RAET §4).
    pub(super) fn read(message: &Message) -> Result<Self, BadMessage> {
        let Value::Object(mut map) = message.read_value()? else { return Err(BadMessage::NotAMap) };
        let mut text = |key: &str| match map.remove(key) {
            Some(Value::String(text)) => text,
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let [jid, fun, tgt_type, user] = ["jid", "fun", "tgt_type", "user"].map(&mut text);
        let is_jid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if jid.is_empty() || jid.len() > JID_MAX || !jid.chars().all(is_jid) {
            return Err(BadMessage::Shape("a job with a jid".to_owned()));
        }
        let arg = match map.remove("arg") {
            Some(Value::Array(items)) => items,
            Some(Value::Null) | None => Vec::new(),
            Some(one) => vec![one],
        };
        Ok(Self { jid, fun, arg, tgt: map.remove("tgt").unwrap_or_default(), tgt_type, user })
    }

    /// Positional and keyword arguments. A map marked `__kwarg__` holds keywords wherever it stands. Whether one without
    /// the mark does (Salt's RAET masters lose it, quirks §3) only the function can tell, by the names it knows.
    pub(super) fn arguments(&self) -> (Vec<Value>, Map<String, Value>) {
        let (mut args, mut kwargs) = (Vec::new(), Map::new());
        for item in &self.arg {
            match item {
                Value::Object(map) if is_marked(map) => kwargs.extend(map.clone()),
                other => args.push(other.clone()),
            }
        }
        kwargs.shift_remove("__kwarg__");
        (args, kwargs)
    }
}

fn is_marked(map: &Map<String, Value>) -> bool {
    map.get("__kwarg__").and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Route;
    use serde_json::json;

    fn read(body: Value) -> Result<Job, BadMessage> {
        Job::read(&Message::new(Route::default(), "pub", &body).unwrap())
    }

    fn arguments(arg: Value) -> (Value, Value) {
        let (args, kwargs) = read(json!({"jid": "1", "fun": "a.b", "arg": arg})).unwrap().arguments();
        (Value::Array(args), Value::Object(kwargs))
    }

    #[test]
    fn keywords_with_and_without_the_mark() {
        assert_eq!(arguments(json!(["pwd", {"cwd": "/"}])), (json!(["pwd", {"cwd": "/"}]), json!({})));
        assert_eq!(arguments(json!([{"cwd": "/", "__kwarg__": true}, 1])), (json!([1]), json!({"cwd": "/"})));
        assert_eq!(arguments(json!([{"a": 1}, {"__kwarg__": true}])), (json!([{"a": 1}]), json!({})));
        assert_eq!(arguments(json!("one")), (json!(["one"]), json!({})));
        assert_eq!(arguments(Value::Null), (json!([]), json!({})));
    }

    #[test]
    fn needs_a_job_id() {
        assert!(read(json!({"fun": "test.ping"})).is_err());
        assert!(read(json!({"jid": "../x", "fun": "test.ping"})).is_err());
        assert!(read(json!(["jid"])).is_err());
        assert_eq!(read(json!({"jid": 7, "fun": "test.ping"})).map(|job| job.jid), Ok("7".to_owned()));
    }
}
