//! A job as it arrives: read from any master's message, its calls parted and its keyword arguments told apart. Pure.

use serde_json::{Map, Value};

use crate::base::limits;
use crate::message::{BadMessage, Message};

/// Longest job id that is taken; Salt's have 20 digits.
const JID_MAX: usize = 64;

/// A published job.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Job {
    pub(super) jid: String,
    /// What to call, in this order; never empty.
    pub(super) calls: Vec<Call>,
    /// Whether the functions came as a list: such a job is answered function by function.
    pub(super) is_list: bool,
    pub(super) tgt: Value,
    pub(super) tgt_type: String,
    /// What parts a target's path, when the master says so.
    pub(super) delimiter: String,
    pub(super) user: String,
    /// Where else the return was to go: names of Salt's returners.
    pub(super) ret: String,
    /// What the caller wants to find beside the return.
    pub(super) metadata: Option<Value>,
}

/// One function of a job.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Call {
    pub(super) fun: String,
    /// The arguments as they came, keywords included.
    pub(super) arg: Vec<Value>,
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
        let [jid, tgt_type, delimiter, user, ret] = ["jid", "tgt_type", "delimiter", "user", "ret"].map(&mut text);
        let is_jid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if jid.is_empty() || jid.len() > JID_MAX || !jid.chars().all(is_jid) {
            return Err(BadMessage::Shape("a job with a jid".to_owned()));
        }
        let arg = map.remove("arg").unwrap_or_default();
        let (calls, is_list) = match map.remove("fun") {
            Some(Value::Array(funs)) if funs.is_empty() || funs.len() > limits::JOB_CALLS => {
                return Err(BadMessage::Shape(format!("a job with 1 to {} functions", limits::JOB_CALLS)));
            }
            Some(Value::Array(funs)) => (calls(funs, arg), true),
            Some(Value::String(fun)) => (vec![Call { fun, arg: list(arg) }], false),
            _ => (vec![Call { fun: String::new(), arg: list(arg) }], false),
        };
        let tgt = map.remove("tgt").unwrap_or_default();
        let metadata = map.remove("metadata").filter(Value::is_object);
        Ok(Self { jid, calls, is_list, tgt, tgt_type, delimiter, user, ret, metadata })
    }

    /// The function, or the list of them, as it came.
    pub(super) fn fun(&self) -> Value {
        let mut funs = self.calls.iter().map(|call| Value::from(call.fun.as_str()));
        if self.is_list { funs.collect() } else { funs.next().unwrap_or_default() }
    }

    /// The arguments, or the list of them for each function, as they came.
    pub(super) fn arg(&self) -> Value {
        let mut args = self.calls.iter().map(|call| Value::Array(call.arg.clone()));
        if self.is_list { args.collect() } else { args.next().unwrap_or_default() }
    }

    /// The functions' names for people.
    pub(super) fn funs(&self) -> String {
        self.calls.iter().map(|call| call.fun.as_str()).collect::<Vec<_>>().join(",")
    }
}

impl Call {
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

/// Each function with its own list of arguments.
fn calls(funs: Vec<Value>, arg: Value) -> Vec<Call> {
    let mut args = list(arg).into_iter();
    let call = |fun: Value| Call {
        fun: fun.as_str().unwrap_or_default().to_owned(),
        arg: list(args.next().unwrap_or_default()),
    };
    funs.into_iter().map(call).collect()
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        one => vec![one],
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
        let job = read(json!({"jid": "1", "fun": "a.b", "arg": arg})).unwrap();
        let (args, kwargs) = job.calls[0].arguments();
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

    #[test]
    fn a_list_of_functions_has_a_list_of_arguments() {
        let job = read(json!({"jid": "1", "fun": ["a.b", "c.d", "e.f"], "arg": [["x", 1], "y"]})).unwrap();
        assert_eq!((job.fun(), job.arg()), (json!(["a.b", "c.d", "e.f"]), json!([["x", 1], ["y"], []])));
        assert_eq!(job.funs(), "a.b,c.d,e.f");
        let one = read(json!({"jid": "1", "fun": "a.b", "arg": ["x"], "metadata": "no"})).unwrap();
        assert_eq!((one.fun(), one.arg(), one.metadata), (json!("a.b"), json!(["x"]), None));
        assert!(read(json!({"jid": "1", "fun": []})).is_err());
        assert!(read(json!({"jid": "1", "fun": vec!["a.b"; limits::JOB_CALLS + 1]})).is_err());
    }
}
