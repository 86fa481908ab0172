//! The arguments of one call, brought into one form whoever sent them, and taken out one by one. Knows the quirks of
//! Salt's keyword arguments; knows nothing of what a function does with them.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{Fault, Function};

/// Which keyword arguments a function knows.
#[derive(Debug, Clone, Copy)]
pub enum Keywords {
    /// These; the names of positional arguments among them.
    These(&'static [&'static str]),
    /// Whatever is given.
    Any,
}

/// The arguments of one call.
#[derive(Debug)]
pub struct Arguments {
    name: &'static str,
    usage: &'static str,
    positional: VecDeque<Value>,
    keywords: Map<String, Value>,
}

impl Arguments {
    /// The arguments of a call of `function`.
    ///
    /// A map marked `__kwarg__` holds keywords. Salt's master loses that mark over RAET (quirks §3), so a last, unmarked
    /// map is read as keywords too, if the function knows one of its keys. The mark and `__pub_*` never reach a function,
    /// nor do keywords that are null.
    pub fn new(function: &Function, args: Vec<Value>, kwargs: Map<String, Value>) -> Self {
        let last = args.len().saturating_sub(1);
        let mut positional = VecDeque::with_capacity(args.len());
        let mut keywords = Map::new();
        for (i, arg) in args.into_iter().enumerate() {
            match arg {
                Value::Object(map) if is_marked(&map) || i == last && is_known(function, &map) => keywords.extend(map),
                other => positional.push_back(other),
            }
        }
        keywords.extend(kwargs);
        keywords.retain(|key, value| key != "__kwarg__" && !key.starts_with("__pub_") && !value.is_null());
        Self { name: function.name, usage: function.usage, positional, keywords }
    }

    /// The next positional argument, or the keyword of this name.
    pub fn next(&mut self, name: &str) -> Result<Option<Value>, Fault> {
        match (self.positional.pop_front(), self.keywords.remove(name)) {
            (Some(_), Some(_)) => Err(self.wrong(format_args!("got its argument {name} twice"))),
            (positional, keyword) => Ok(positional.or(keyword)),
        }
    }

    /// As [`next`](Self::next), where it cannot be left out.
    pub fn required(&mut self, name: &str) -> Result<Value, Fault> {
        self.next(name)?.ok_or_else(|| self.wrong(format_args!("wants an argument {name}")))
    }

    /// The keyword argument of this name.
    pub fn keyword(&mut self, name: &str) -> Option<Value> {
        self.keywords.remove(name)
    }

    /// A keyword that is true or false.
    pub fn flag(&mut self, name: &str, default: bool) -> Result<bool, Fault> {
        match self.keyword(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(Value::Number(number)) => Ok(number.as_f64() != Some(0.0)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(other) => Err(self.wrong(format_args!("takes {name}=True or {name}=False, not {other}"))),
        }
    }

    /// A keyword that is a text; numbers and booleans are written out.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, Fault> {
        match self.keyword(name) {
            None => Ok(None),
            Some(value) => self.as_text(name, &value).map(Some),
        }
    }

    /// `value` of the argument `name` as a text.
    pub fn as_text(&self, name: &str, value: &Value) -> Result<String, Fault> {
        scalar(value).ok_or_else(|| self.wrong(format_args!("wants a text as {name}, not {value}")))
    }

    /// `value` of the argument `name` as seconds.
    pub fn as_seconds(&self, name: &str, value: &Value) -> Result<Duration, Fault> {
        let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
        number
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .ok_or_else(|| self.wrong(format_args!("wants seconds as {name}, not {value}")))
    }

    /// All remaining positional arguments.
    pub fn rest(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.positional).into()
    }

    /// All remaining positional arguments as texts.
    pub fn texts(&mut self, name: &str) -> Result<Vec<String>, Fault> {
        self.rest().iter().map(|value| self.as_text(name, value)).collect()
    }

    /// All remaining keyword arguments.
    pub fn all_keywords(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.keywords)
    }

    /// To be called when a function took all it knows: anything left is a mistake.
    pub fn finish(&self) -> Result<(), Fault> {
        if let Some(keyword) = self.keywords.keys().next() {
            return Err(self.wrong(format_args!("knows no argument {keyword}")));
        }
        match self.positional.front() {
            Some(value) => Err(self.wrong(format_args!("takes no further argument {value}"))),
            None => Ok(()),
        }
    }

    /// The call makes no sense: `what` completes a sentence that begins with the function's name.
    pub fn wrong(&self, what: std::fmt::Arguments<'_>) -> Fault {
        Fault::usage(format!("{} {what}. Usage: {}", self.name, self.usage))
    }
}

/// A scalar written out; texts as they are, booleans as Salt's users write them.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        _ => None,
    }
}

fn is_marked(map: &Map<String, Value>) -> bool {
    map.get("__kwarg__") == Some(&Value::Bool(true))
}

fn is_known(function: &Function, map: &Map<String, Value>) -> bool {
    match function.keywords {
        Keywords::Any => !map.is_empty(),
        // Salt adds its own keys to every map of keywords; they prove as much.
        Keywords::These(names) => map.keys().any(|key| names.contains(&key.as_str()) || key.starts_with("__pub_")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Call;
    use super::*;
    use serde_json::json;

    const FUNCTION: Function = Function {
        name: "x.y",
        usage: "x.y TEXT [loud=True]",
        doc: "Tests.",
        keywords: Keywords::These(&["text", "loud"]),
        run: |_: Call<'_>| Ok(Value::Null.into()),
    };

    fn read(args: Value, kwargs: Value) -> Arguments {
        let (Value::Array(args), Value::Object(kwargs)) = (args, kwargs) else { panic!("a list and a map") };
        Arguments::new(&FUNCTION, args, kwargs)
    }

    #[test]
    fn keywords_from_every_form() {
        for (args, kwargs) in [
            (json!(["a"]), json!({"loud": true})),
            (json!(["a", {"loud": true}]), json!({})),
            (json!(["a", {"loud": true, "__kwarg__": true}]), json!({})),
            (json!([{"loud": true, "__kwarg__": true}, "a"]), json!({"__pub_jid": "1", "gone": null})),
            (json!(["a", {"loud": true, "__pub_user": "root"}]), json!({})),
            (json!([{"loud": false, "text": "a"}]), json!({"loud": true})),
        ] {
            let mut read = read(args.clone(), kwargs);
            assert_eq!(read.required("text"), Ok(json!("a")), "{args}");
            assert_eq!(read.flag("loud", false), Ok(true), "{args}");
            assert_eq!(read.finish(), Ok(()), "{args}");
        }
    }

    #[test]
    fn a_map_that_is_an_argument_stays_one() {
        let map = json!({"colour": "red"});
        let mut read = read(json!([map]), json!({}));
        assert_eq!(read.required("text"), Ok(map));
    }

    #[test]
    fn mistakes_name_function_argument_and_usage() {
        let mut call = read(json!([]), json!({"laud": true}));
        let fault = call.required("text").unwrap_err();
        assert_eq!(fault.why, "x.y wants an argument text. Usage: x.y TEXT [loud=True]");
        assert_eq!(fault.retcode, 2);
        assert!(call.finish().unwrap_err().why.contains("laud"));
        assert!(read(json!(["a", "b"]), json!({})).finish().is_err());
        assert!(read(json!(["a"]), json!({"text": "b"})).next("text").unwrap_err().why.contains("twice"));
        assert!(read(json!([]), json!({"loud": [1]})).flag("loud", true).is_err());
    }

    #[test]
    fn seconds_are_numbers_that_time_has() {
        let call = read(json!([]), json!({}));
        assert_eq!(call.as_seconds("n", &json!("0.25")), Ok(Duration::from_millis(250)));
        assert_eq!(call.as_seconds("n", &json!(3)), Ok(Duration::from_secs(3)));
        for bad in [json!(-1), json!("soon"), json!(1e300), json!([]), json!("NaN"), json!("inf")] {
            assert!(call.as_seconds("n", &bad).is_err(), "{bad}");
        }
    }
}
