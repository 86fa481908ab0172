//! `event.*`: notices for the master's bus. A Roadstead minion has no bus of its own; of what Salt's minions tell themselves
//! over theirs, it understands what asks for a refresh.

use serde_json::{Map, Value};

use super::{Answer, Call, Fault, Function, Keywords};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "event.send",
        usage: "event.send TAG [DATA] [with_grains=True] [with_pillar=True] [NAME=VALUE ...]",
        doc: "Puts a notice on the master's bus: a map of the named values, of DATA, and of grains or pillar if asked for.",
        keywords: Keywords::Any,
        run: send,
    },
    Function {
        name: "event.fire_master",
        usage: "event.fire_master DATA TAG",
        doc: "Puts a notice on the master's bus.",
        keywords: Keywords::These(&["data", "tag", "preload"]),
        run: fire_master,
    },
    Function {
        name: "event.fire",
        usage: "event.fire DATA TAG",
        doc: "Refreshes pillar or grains for the tags pillar_refresh, grains_refresh and module_refresh. Nobody on this \
              minion listens to others; returns True.",
        keywords: Keywords::These(&["data", "tag", "timeout"]),
        run: fire,
    },
];

fn send(mut call: Call<'_>) -> Result<Answer, Fault> {
    let tag = call.arguments.required("tag")?;
    let tag = call.arguments.as_text("tag", &tag)?;
    let data = call.arguments.next("data")?;
    call.arguments.keyword("preload");
    let mut all = Map::new();
    for (name, source) in [("grains", call.context.grains.items()), ("pillar", call.context.pillar.items())] {
        match call.arguments.keyword(&format!("with_{name}")) {
            Some(Value::Bool(true)) => {
                all.insert(name.to_owned(), Value::Object(source.as_ref().clone()));
            }
            Some(Value::Array(keys)) => {
                let some =
                    keys.iter().filter_map(|key| Some((key.as_str()?.to_owned(), source.get(key.as_str()?)?.clone())));
                all.insert(name.to_owned(), Value::Object(some.collect()));
            }
            _ => {}
        }
    }
    all.extend(call.arguments.all_keywords());
    match data {
        Some(Value::Object(data)) => all.extend(data),
        Some(other) => return Err(call.arguments.wrong(format_args!("wants a map as DATA, not {other}"))),
        None => {}
    }
    call.arguments.finish()?;
    tell(&call, &tag, all.into())
}

fn fire_master(mut call: Call<'_>) -> Result<Answer, Fault> {
    let (data, tag) = (call.arguments.required("data")?, call.arguments.required("tag")?);
    let tag = call.arguments.as_text("tag", &tag)?;
    call.arguments.next("preload")?;
    call.arguments.finish()?;
    tell(&call, &tag, data)
}

fn fire(mut call: Call<'_>) -> Result<Answer, Fault> {
    let (_, tag) = (call.arguments.required("data")?, call.arguments.required("tag")?);
    call.arguments.next("timeout")?;
    call.arguments.finish()?;
    match tag.as_str() {
        Some("pillar_refresh") => call.refresh_pillar(None).map(Answer::from),
        Some("grains_refresh" | "module_refresh") => {
            call.refresh_pillar(Some(call.context.grains.renew())).map(Answer::from)
        }
        _ => Ok(Value::Bool(true).into()),
    }
}

fn tell(call: &Call<'_>, tag: &str, data: Value) -> Result<Answer, Fault> {
    if tag.is_empty() {
        return Err(call.arguments.wrong(format_args!("wants a tag that is not empty")));
    }
    Ok(call.request("_minion_event", [("tag", tag.into()), ("data", data), ("pretag", Value::Null)])?.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::line::tests::Script;
    use super::super::tests::{context, work};
    use super::super::{Context, Registry};
    use super::*;
    use crate::duty::Ask;
    use serde_json::json;

    #[test]
    fn notices_reach_the_masters_bus() {
        let script = Arc::new(Script::default());
        let context = Context { line: Some(script.clone()), ..context() };
        let run = |fun: &str, args: Value, kwargs: Value| Registry::standard().run(&work(fun, args, kwargs), &context);
        let asked = || script.asked.lock().unwrap().pop();
        let load = |tag: &str, data: Value| {
            let load = json!({"cmd": "_minion_event", "tag": tag, "data": data, "pretag": null});
            Some(Ask::Request(load.as_object().unwrap().clone()))
        };
        assert_eq!(run("event.send", json!(["my/tag", {"a": 1}]), json!({"b": 2})).value, json!(true));
        assert_eq!(asked(), load("my/tag", json!({"b": 2, "a": 1})));
        assert!(run("event.send", json!(["t"]), json!({"with_grains": ["id", "none"]})).success);
        assert_eq!(asked(), load("t", json!({"grains": {"id": "web1"}})));
        assert!(run("event.fire_master", json!([{"a": 1}, "t"]), json!({})).success);
        assert_eq!(asked(), load("t", json!({"a": 1})));
        assert_eq!(run("event.send", json!([""]), json!({})).retcode, 2);
        assert!(run("event.fire", json!([{}, "other"]), json!({})).success);
        assert_eq!(asked(), None);
        assert!(run("event.fire", json!([{}, "pillar_refresh"]), json!({})).success);
        assert_eq!(asked(), Some(Ask::Pillar(None)));
    }
}
