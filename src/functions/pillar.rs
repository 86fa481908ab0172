//! `pillar.*`, and the minion's pillar itself: what the master told it last. Owns the one copy that functions see; never
//! writes a value of it anywhere, since a pillar holds secrets.

use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Map, Value};

use super::data::{self, DELIMITER};
use super::{Answer, Call, Fault, Function, Keywords};

macro_rules! fresh {
    () => {
        Keywords::These(&["pillar", "pillarenv", "saltenv"])
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "pillar.items",
        usage: "pillar.items [NAME ...] [pillar=MAP] [pillarenv=NAME]",
        doc: "Asks the master for the pillar afresh and returns it, or the named parts of the pillar the minion has.",
        keywords: fresh!(),
        run: items,
    },
    Function {
        name: "pillar.data",
        usage: "pillar.data [NAME ...] [pillar=MAP] [pillarenv=NAME]",
        doc: "The same as pillar.items.",
        keywords: fresh!(),
        run: items,
    },
    Function {
        name: "pillar.ls",
        usage: "pillar.ls",
        doc: "Asks the master for the pillar afresh and returns its keys.",
        keywords: fresh!(),
        run: ls,
    },
    Function {
        name: "pillar.obfuscate",
        usage: "pillar.obfuscate",
        doc: "Asks the master for the pillar afresh and returns it with types in place of values.",
        keywords: fresh!(),
        run: obfuscate,
    },
    Function {
        name: "pillar.raw",
        usage: "pillar.raw [NAME]",
        doc: "Returns the pillar the minion has, or one part of it.",
        keywords: Keywords::These(&["key"]),
        run: raw,
    },
    Function {
        name: "pillar.get",
        usage: "pillar.get NAME[:NAME ...] [DEFAULT] [delimiter=TEXT]",
        doc: "Returns one part of the pillar the minion has, or the default (an empty text) if there is no such thing.",
        keywords: Keywords::These(&["key", "default", "delimiter"]),
        run: get,
    },
    Function {
        name: "pillar.fetch",
        usage: "pillar.fetch NAME[:NAME ...] [DEFAULT] [delimiter=TEXT]",
        doc: "The same as pillar.get.",
        keywords: Keywords::These(&["key", "default", "delimiter"]),
        run: get,
    },
    Function {
        name: "pillar.item",
        usage: "pillar.item NAME ... [default=VALUE] [delimiter=TEXT]",
        doc: "Returns a map of named parts of the pillar the minion has; what does not exist has the default (an empty text).",
        keywords: Keywords::These(&["default", "delimiter"]),
        run: item,
    },
    Function {
        name: "pillar.keys",
        usage: "pillar.keys NAME[:NAME ...] [delimiter=TEXT]",
        doc: "Returns the keys of a map within the pillar the minion has.",
        keywords: Keywords::These(&["key", "delimiter"]),
        run: keys,
    },
];

/// The pillar of one minion, empty until its master told it.
#[derive(Debug, Default)]
pub struct Pillar(RwLock<Arc<Map<String, Value>>>);

impl Pillar {
    /// All of it.
    pub fn items(&self) -> Arc<Map<String, Value>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It is this from now on.
    pub fn set(&self, pillar: Arc<Map<String, Value>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = pillar;
    }
}

/// Asks the master for a pillar of its own making, which does not become the minion's.
fn ask(call: &mut Call<'_>) -> Result<Map<String, Value>, Fault> {
    let pillar = call.arguments.keyword("pillar").unwrap_or_else(|| Map::new().into());
    if !pillar.is_object() {
        return Err(call.arguments.wrong(format_args!("takes a map as pillar, not {pillar}")));
    }
    let env = call.arguments.text("pillarenv")?;
    call.arguments.text("saltenv")?;
    call.arguments.finish()?;
    let load = [
        ("grains", Value::Object(call.context.grains.items().as_ref().clone())),
        ("saltenv", Value::Null),
        ("pillarenv", env.into()),
        ("pillar_override", pillar),
        ("extra_minion_data", Map::new().into()),
        ("ver", "2".into()),
    ];
    match call.request("_pillar", load)? {
        Value::Object(pillar) => Ok(pillar),
        _ => Err(Fault::failed("The master's answer is no pillar.")),
    }
}

fn items(mut call: Call<'_>) -> Result<Answer, Fault> {
    let names = call.arguments.texts("name")?;
    if names.is_empty() {
        return Ok(Value::Object(ask(&mut call)?).into());
    }
    Ok(named(&call, names, DELIMITER, &nothing()).into())
}

fn ls(mut call: Call<'_>) -> Result<Answer, Fault> {
    Ok(Value::from(ask(&mut call)?.keys().cloned().collect::<Vec<_>>()).into())
}

fn obfuscate(mut call: Call<'_>) -> Result<Answer, Fault> {
    Ok(veiled(Value::Object(ask(&mut call)?)).into())
}

fn raw(mut call: Call<'_>) -> Result<Answer, Fault> {
    let key = call.arguments.next("key")?;
    let key = key.map(|key| call.arguments.as_text("key", &key)).transpose()?;
    call.arguments.finish()?;
    let all = call.context.pillar.items();
    Ok(match key {
        None => Value::Object(all.as_ref().clone()),
        Some(key) => all.get(&key).cloned().unwrap_or_else(|| Map::new().into()),
    }
    .into())
}

fn get(mut call: Call<'_>) -> Result<Answer, Fault> {
    let key = call.arguments.required("key")?;
    let key = call.arguments.as_text("key", &key)?;
    let default = call.arguments.next("default")?.unwrap_or_else(nothing);
    let delimiter = call.arguments.text("delimiter")?.unwrap_or_else(|| DELIMITER.to_owned());
    call.arguments.finish()?;
    Ok(data::find(&call.context.pillar.items(), &key, &delimiter).cloned().unwrap_or(default).into())
}

fn item(mut call: Call<'_>) -> Result<Answer, Fault> {
    let names = call.arguments.texts("name")?;
    if names.is_empty() {
        return Err(call.arguments.wrong(format_args!("wants the name of a part of the pillar")));
    }
    let default = call.arguments.keyword("default").unwrap_or_else(nothing);
    let delimiter = call.arguments.text("delimiter")?.unwrap_or_else(|| DELIMITER.to_owned());
    call.arguments.finish()?;
    Ok(named(&call, names, &delimiter, &default).into())
}

fn keys(mut call: Call<'_>) -> Result<Answer, Fault> {
    let key = call.arguments.required("key")?;
    let key = call.arguments.as_text("key", &key)?;
    let delimiter = call.arguments.text("delimiter")?.unwrap_or_else(|| DELIMITER.to_owned());
    call.arguments.finish()?;
    match data::find(&call.context.pillar.items(), &key, &delimiter) {
        Some(Value::Object(map)) => Ok(Value::from(map.keys().cloned().collect::<Vec<_>>()).into()),
        Some(_) => Err(Fault::failed(format!("{key} is no map in the pillar, so it has no keys."))),
        None => Err(Fault::failed(format!("The pillar has no {key}."))),
    }
}

fn named(call: &Call<'_>, names: Vec<String>, delimiter: &str, default: &Value) -> Value {
    let all = call.context.pillar.items();
    let value = |name: &str| data::find(&all, name, delimiter).unwrap_or(default).clone();
    Value::Object(names.into_iter().map(|name| (name.clone(), value(&name))).collect())
}

/// The value's shape with nothing of what it says. As deep as a message, which has a bound.
fn veiled(value: Value) -> Value {
    match value {
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, veiled(value))).collect(),
        Value::Array(items) => items.into_iter().map(veiled).collect(),
        other => format!("<{}>", data::type_name(&other)).into(),
    }
}

fn nothing() -> Value {
    Value::String(String::new())
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::Script;
    use super::super::tests::{context, work};
    use super::super::{Context, Registry};
    use super::*;
    use crate::duty::{Ask, Outcome};
    use serde_json::json;

    fn setting() -> (Context, Arc<Script>) {
        let script = Arc::new(Script::default());
        let context = Context { line: Some(script.clone()), ..context() };
        let pillar = json!({"tier": {"name": "front", "racks": ["a1"]}, "key": "secret", "n": 1});
        context.pillar.set(Arc::new(pillar.as_object().unwrap().clone()));
        (context, script)
    }

    fn run(fun: &str, args: Value, kwargs: Value, context: &Context) -> Outcome {
        Registry::standard().run(&work(fun, args, kwargs), context)
    }

    #[test]
    fn what_the_minion_has() {
        let (context, script) = setting();
        let value = |fun: &str, args: Value, kwargs: Value| {
            let outcome = run(fun, args, kwargs, &context);
            assert!(outcome.success, "{outcome:?}");
            outcome.value
        };
        assert_eq!(value("pillar.get", json!(["tier:name"]), json!({})), json!("front"));
        assert_eq!(value("pillar.get", json!(["tier:none", 5]), json!({})), json!(5));
        assert_eq!(value("pillar.get", json!(["tier|racks|0"]), json!({"delimiter": "|"})), json!("a1"));
        assert_eq!(value("pillar.item", json!(["n", "x"]), json!({"default": 0})), json!({"n": 1, "x": 0}));
        assert_eq!(value("pillar.items", json!(["n"]), json!({})), json!({"n": 1}));
        assert_eq!(value("pillar.raw", json!(["tier"]), json!({}))["name"], json!("front"));
        assert_eq!(value("pillar.raw", json!([]), json!({}))["n"], json!(1));
        assert_eq!(value("pillar.keys", json!(["tier"]), json!({})), json!(["name", "racks"]));
        assert!(!run("pillar.keys", json!(["key"]), json!({}), &context).success);
        assert!(script.asked.lock().unwrap().is_empty());
    }

    #[test]
    fn what_the_master_says_now() {
        let (context, script) = setting();
        let fresh = json!({"key": "new", "list": [1, 2.5, {"x": null}], "yes": true});
        for _ in 0..3 {
            script.answers.lock().unwrap().push(Ok(fresh.clone()));
        }
        assert_eq!(run("pillar.items", json!([]), json!({"pillar": {"a": 1}}), &context).value, fresh);
        assert_eq!(run("pillar.ls", json!([]), json!({}), &context).value, json!(["key", "list", "yes"]));
        let veiled = json!({"key": "<str>", "list": ["<int>", "<float>", {"x": "<NoneType>"}], "yes": "<bool>"});
        assert_eq!(run("pillar.obfuscate", json!([]), json!({}), &context).value, veiled);
        assert_eq!(run("pillar.get", json!(["key"]), json!({}), &context).value, json!("secret"), "it stays as it was");
        let asked = script.asked.lock().unwrap();
        let Ask::Request(load) = &asked[0] else { panic!("{asked:?}") };
        assert_eq!(
            (&load["cmd"], &load["pillar_override"], &load["ver"]),
            (&json!("_pillar"), &json!({"a": 1}), &json!("2"))
        );
        assert_eq!(load["grains"]["id"], json!("web1"));
        drop(asked);
        assert_eq!(run("pillar.items", json!([]), json!({"pillar": 5}), &context).retcode, 2);
        let alone = Context { line: None, ..context };
        assert!(!run("pillar.items", json!([]), json!({}), &alone).success);
    }
}
