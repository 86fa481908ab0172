//! `mine.*`: what minions let each other know through their master. What a minion tells by itself stands in
//! `mine_functions`, in its settings or, before these, its pillar. The master keeps it all; nothing is kept here.

use serde_json::{Map, Value};

use super::{Answer, Call, Fault, Function, Keywords};
use crate::duty::Work;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "mine.update",
        usage: "mine.update [clear=True] [mine_functions=LIST|MAP]",
        doc: "Runs the functions under `mine_functions` and tells the master what they return. Nothing without any.",
        keywords: Keywords::These(&["clear", "mine_functions"]),
        run: update,
    },
    Function {
        name: "mine.send",
        usage: "mine.send NAME [ARGUMENT ...] [mine_function=FUNCTION] [NAME=VALUE ...]",
        doc: "Runs one function and tells the master what it returns, under its own name or another.",
        keywords: Keywords::Any,
        run: send,
    },
    Function {
        name: "mine.get",
        usage: "mine.get TARGET NAME [tgt_type=glob] [exclude_minion=True]",
        doc: "Asks the master what the minions of a target told under a name; returns a map by id.",
        keywords: Keywords::These(&["tgt", "fun", "tgt_type", "expr_form", "exclude_minion"]),
        run: get,
    },
    Function {
        name: "mine.delete",
        usage: "mine.delete NAME",
        doc: "Has the master forget what this minion told under a name.",
        keywords: Keywords::These(&["fun"]),
        run: delete,
    },
    Function {
        name: "mine.flush",
        usage: "mine.flush",
        doc: "Has the master forget all that this minion told.",
        keywords: Keywords::These(&[]),
        run: flush,
    },
    Function {
        name: "mine.valid",
        usage: "mine.valid",
        doc: "Returns those of the `mine_functions` that the minion has, with their arguments.",
        keywords: Keywords::These(&[]),
        run: valid,
    },
];

/// One thing to tell: under which name, by which function, with which arguments.
struct Order {
    name: String,
    fun: String,
    args: Vec<Value>,
    kwargs: Map<String, Value>,
}

fn update(mut call: Call<'_>) -> Result<Answer, Fault> {
    let clear = call.arguments.next("clear")?.is_some_and(|clear| clear == Value::Bool(true));
    let orders = match call.arguments.next("mine_functions")? {
        Some(Value::Array(names)) => {
            let texts = names.iter().filter_map(Value::as_str);
            texts.map(|name| Order::new(name, &Value::Null)).collect()
        }
        Some(Value::Object(map)) => map.iter().map(|(name, what)| Order::new(name, what)).collect(),
        Some(other) => return Err(call.arguments.wrong(format_args!("wants functions, not {other}"))),
        None => configured(&call),
    };
    call.arguments.finish()?;
    if orders.is_empty() {
        return Ok(Value::Null.into());
    }
    let mut data = Map::new();
    for order in orders {
        let (name, fun) = (order.name.clone(), order.fun.clone());
        match order.run(&call) {
            Ok(value) => {
                data.insert(name, value);
            }
            Err(why) => tracing::warn!(name, fun, "not told to the mine: {why}"),
        }
    }
    tell(&call, data, clear)
}

fn send(mut call: Call<'_>) -> Result<Answer, Fault> {
    let name = call.arguments.required("name")?;
    let name = call.arguments.as_text("name", &name)?;
    let fun = call.arguments.text("mine_function")?.unwrap_or_else(|| name.clone());
    let (args, kwargs) = (call.arguments.rest(), call.arguments.all_keywords());
    let value = Order { name: name.clone(), fun, args, kwargs }.run(&call)?;
    tell(&call, Map::from_iter([(name, value)]), false)
}

fn get(mut call: Call<'_>) -> Result<Answer, Fault> {
    let target = call.arguments.required("tgt")?;
    let fun = call.arguments.required("fun")?;
    let tgt_type = call.arguments.next("tgt_type")?.or(call.arguments.keyword("expr_form"));
    let without_us = call.arguments.flag("exclude_minion", false)?;
    call.arguments.finish()?;
    let tgt_type = tgt_type.unwrap_or_else(|| "glob".into());
    let mut all = call.request("_mine_get", [("tgt", target), ("fun", fun), ("tgt_type", tgt_type)])?;
    if let Some(all) = all.as_object_mut().filter(|_| without_us) {
        all.shift_remove(call.context.id.as_str());
    }
    Ok(all.into())
}

fn delete(mut call: Call<'_>) -> Result<Answer, Fault> {
    let fun = call.arguments.required("fun")?;
    call.arguments.finish()?;
    Ok(call.request("_mine_delete", [("fun", fun)])?.into())
}

fn flush(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(call.request("_mine_flush", [])?.into())
}

fn valid(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    let known = configured(&call).into_iter().filter(|order| call.registry.find(&order.fun).is_some());
    let shown = known.map(|Order { name, fun, args, kwargs }| {
        let arguments = if kwargs.is_empty() { Value::Array(args) } else { Value::Object(kwargs) };
        let plain = arguments.as_array().is_some_and(Vec::is_empty);
        (name, if plain { arguments } else { Value::Object(Map::from_iter([(fun, arguments)])) })
    });
    Ok(Value::Object(shown.collect()).into())
}

/// What is to be told by itself. The settings' word on a name goes before the pillar's.
fn configured(call: &Call<'_>) -> Vec<Order> {
    let pillar = call.context.pillar.items();
    let mut all = Map::new();
    for source in [pillar.as_ref(), call.context.settings.as_ref()] {
        all.extend(source.get("mine_functions").and_then(Value::as_object).cloned().unwrap_or_default());
    }
    all.iter().map(|(name, what)| Order::new(name, what)).collect()
}

fn tell(call: &Call<'_>, data: Map<String, Value>, clear: bool) -> Result<Answer, Fault> {
    Ok(call.request("_mine", [("data", data.into()), ("clear", clear.into())])?.into())
}

impl Order {
    /// As `mine_functions` writes it: nothing, a list of arguments, or a map of them; `mine_function` among these names
    /// the function.
    fn new(name: &str, what: &Value) -> Self {
        let (mut args, mut kwargs) = (Vec::new(), Map::new());
        match what {
            Value::Object(map) => kwargs = map.clone(),
            Value::Array(items) => {
                for item in items {
                    match item {
                        Value::Object(map) if map.contains_key("mine_function") => kwargs.extend(map.clone()),
                        other => args.push(other.clone()),
                    }
                }
            }
            _ => {}
        }
        let fun = kwargs.shift_remove("mine_function");
        let fun = fun.as_ref().and_then(Value::as_str).unwrap_or(name).to_owned();
        Self { name: name.to_owned(), fun, args, kwargs }
    }

    /// Runs it. A mine's own functions are not among those that may: one that calls itself would not end.
    fn run(self, call: &Call<'_>) -> Result<Value, Fault> {
        if self.fun.starts_with("mine.") || self.fun == "test.cross_test" {
            return Err(Fault::failed(format!("{} cannot be told to the mine.", self.fun)));
        }
        let work = Work { jid: String::new(), fun: self.fun, args: self.args, kwargs: self.kwargs };
        let outcome = call.registry.run(&work, call.context);
        if outcome.success { Ok(outcome.value) } else { Err(Fault::failed(text(&outcome.value))) }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::line::tests::Script;
    use super::super::tests::{context, work};
    use super::super::{Context, Registry};
    use super::*;
    use crate::duty::{Ask, Outcome};
    use serde_json::json;

    struct Setting {
        context: Context,
        script: Arc<Script>,
    }

    impl Setting {
        fn new(settings: Value, pillar: Value) -> Self {
            let script = Arc::new(Script::default());
            let settings = Arc::new(settings.as_object().unwrap().clone());
            let context = Context { line: Some(script.clone()), settings, ..context() };
            context.pillar.set(Arc::new(pillar.as_object().unwrap().clone()));
            Self { context, script }
        }

        fn run(&self, fun: &str, args: Value, kwargs: Value) -> Outcome {
            Registry::standard().run(&work(fun, args, kwargs), &self.context)
        }

        /// What the master was asked last.
        fn asked(&self) -> Value {
            match self.script.asked.lock().unwrap().pop() {
                Some(Ask::Request(load)) => Value::Object(load),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn tells_what_settings_and_pillar_name() {
        let settings = json!({"mine_functions": {"test.ping": [], "name": [{"mine_function": "grains.get"}, "id"]}});
        let pillar = json!({"mine_functions": {
            "test.ping": ["is overruled"], "said": {"mine_function": "test.echo", "text": "x"}, "no.such": [],
            "mine.update": [],
        }});
        let setting = Setting::new(settings, pillar);
        assert_eq!(setting.run("mine.update", json!([]), json!({})).value, json!(true));
        let expected =
            json!({"cmd": "_mine", "clear": false, "data": {"test.ping": true, "said": "x", "name": "web1"}});
        assert_eq!(setting.asked(), expected);
        let valid = json!({"test.ping": [], "name": {"grains.get": ["id"]}, "said": {"test.echo": {"text": "x"}},
                           "mine.update": []});
        assert_eq!(setting.run("mine.valid", json!([]), json!({})).value, valid);
        let some = json!({"clear": true, "mine_functions": ["test.ping"]});
        assert!(setting.run("mine.update", json!([]), some).success);
        assert_eq!(setting.asked(), json!({"cmd": "_mine", "clear": true, "data": {"test.ping": true}}));
        let none = Setting::new(json!({}), json!({}));
        assert_eq!(none.run("mine.update", json!([]), json!({})).value, Value::Null);
        assert!(none.script.asked.lock().unwrap().is_empty());
    }

    #[test]
    fn sends_one_thing_and_takes_it_back() {
        let setting = Setting::new(json!({}), json!({}));
        let outcome = setting.run("mine.send", json!(["word", "hello"]), json!({"mine_function": "test.echo"}));
        assert!(outcome.success, "{outcome:?}");
        assert_eq!(setting.asked()["data"], json!({"word": "hello"}));
        assert!(!setting.run("mine.send", json!(["no.such"]), json!({})).success);
        assert!(!setting.run("mine.send", json!(["mine.send"]), json!({})).success);
        assert!(setting.run("mine.delete", json!(["word"]), json!({})).success);
        assert_eq!(setting.asked(), json!({"cmd": "_mine_delete", "fun": "word"}));
        assert!(setting.run("mine.flush", json!([]), json!({})).success);
        assert_eq!(setting.asked(), json!({"cmd": "_mine_flush"}));
    }

    #[test]
    fn asks_for_what_others_told() {
        let setting = Setting::new(json!({}), json!({}));
        let all = json!({"web1": 1, "web2": 2});
        for _ in 0..2 {
            setting.script.answers.lock().unwrap().push(Ok(all.clone()));
        }
        assert_eq!(setting.run("mine.get", json!(["*", "a.b"]), json!({})).value, all);
        let expected = json!({"cmd": "_mine_get", "tgt": "*", "fun": "a.b", "tgt_type": "glob"});
        assert_eq!(setting.asked(), expected);
        let kwargs = json!({"exclude_minion": true, "tgt_type": "grain"});
        assert_eq!(setting.run("mine.get", json!(["os:x", "a.b"]), kwargs).value, json!({"web2": 2}));
        assert_eq!(setting.asked()["tgt_type"], json!("grain"));
        assert_eq!(setting.run("mine.get", json!(["*"]), json!({})).retcode, 2);
    }
}
