//! `config.*`: what the minion was told, wherever it was told it: its settings, its grains, its pillar, in this order as in
//! Salt. Reads only.

use serde_json::{Map, Value};

use super::data::{self, DELIMITER};
use super::{Answer, Call, Fault, Function, Keywords};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "config.get",
        usage: "config.get NAME[:NAME ...] [DEFAULT] [delimiter=TEXT] [omit_opts=True] [omit_grains=True] [omit_pillar=True]",
        doc: "Returns a value from the settings, else the grains, else the pillar, else the default (an empty text).",
        keywords: Keywords::These(&[
            "key",
            "default",
            "delimiter",
            "omit_opts",
            "omit_grains",
            "omit_pillar",
            "omit_master",
        ]),
        run: get,
    },
    Function {
        name: "config.option",
        usage: "config.option NAME [DEFAULT] [omit_opts=True] [omit_pillar=True]",
        doc: "Returns a value from the settings, else the pillar, else the default (an empty text).",
        keywords: Keywords::These(&["value", "default", "omit_opts", "omit_pillar", "omit_master"]),
        run: option,
    },
    Function {
        name: "config.items",
        usage: "config.items",
        doc: "Returns the minion's settings.",
        keywords: Keywords::These(&[]),
        run: items,
    },
    Function {
        name: "config.dot_vals",
        usage: "config.dot_vals NAME",
        doc: "Returns those values of pillar and settings whose names begin with NAME and a dot.",
        keywords: Keywords::These(&["value"]),
        run: dot_vals,
    },
];

fn get(mut call: Call<'_>) -> Result<Answer, Fault> {
    let key = call.arguments.required("key")?;
    let key = call.arguments.as_text("key", &key)?;
    let default = call.arguments.next("default")?.unwrap_or_else(nothing);
    let delimiter = call.arguments.text("delimiter")?.unwrap_or_else(|| DELIMITER.to_owned());
    let [no_settings, no_grains, no_pillar] = omitted(&mut call, ["omit_opts", "omit_grains", "omit_pillar"])?;
    call.arguments.flag("omit_master", false)?;
    call.arguments.finish()?;
    let sources = [
        (no_settings, call.context.settings.clone()),
        (no_grains, call.context.grains.items()),
        (no_pillar, call.context.pillar.items()),
    ];
    let mut found = sources.iter().filter(|(omit, _)| !omit);
    let value = found.find_map(|(_, source)| data::find_or_key(source, &key, &delimiter));
    Ok(value.cloned().unwrap_or(default).into())
}

fn option(mut call: Call<'_>) -> Result<Answer, Fault> {
    let key = call.arguments.required("value")?;
    let key = call.arguments.as_text("value", &key)?;
    let default = call.arguments.next("default")?.unwrap_or_else(nothing);
    let [no_settings, no_pillar] = omitted(&mut call, ["omit_opts", "omit_pillar"])?;
    call.arguments.flag("omit_master", false)?;
    call.arguments.finish()?;
    let pillar = call.context.pillar.items();
    let settings = call.context.settings.get(&key).filter(|_| !no_settings);
    Ok(settings.or_else(|| pillar.get(&key).filter(|_| !no_pillar)).cloned().unwrap_or(default).into())
}

fn omitted<const N: usize>(call: &mut Call<'_>, names: [&str; N]) -> Result<[bool; N], Fault> {
    let mut flags = [false; N];
    for (flag, name) in flags.iter_mut().zip(names) {
        *flag = call.arguments.flag(name, false)?;
    }
    Ok(flags)
}

fn items(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(Value::Object(call.context.settings.as_ref().clone()).into())
}

fn dot_vals(mut call: Call<'_>) -> Result<Answer, Fault> {
    let key = call.arguments.required("value")?;
    let prefix = format!("{}.", call.arguments.as_text("value", &key)?);
    call.arguments.finish()?;
    let mut all = Map::new();
    for source in [call.context.pillar.items(), call.context.settings.clone()] {
        all.extend(source.iter().filter(|(name, _)| name.starts_with(&prefix)).map(|(k, v)| (k.clone(), v.clone())));
    }
    Ok(Value::Object(all).into())
}

fn nothing() -> Value {
    Value::String(String::new())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::{context, work};
    use super::super::{Context, Registry};
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_go_before_grains_before_pillar() {
        let map = |value: Value| Arc::new(value.as_object().unwrap().clone());
        let context = Context { settings: map(json!({"timeout": 5, "os": "mine"})), ..context() };
        context.pillar.set(map(json!({"os": "pillar's", "id": "pillar's", "colour": {"of": "house"}, "x.y": 1})));
        let value = |fun: &str, args: Value, kwargs: Value| {
            let outcome = Registry::standard().run(&work(fun, args, kwargs), &context);
            assert!(outcome.success, "{outcome:?}");
            outcome.value
        };
        assert_eq!(value("config.get", json!(["os"]), json!({})), json!("mine"));
        assert_eq!(value("config.get", json!(["id"]), json!({})), json!("web1"));
        assert_eq!(value("config.get", json!(["id"]), json!({"omit_grains": true})), json!("pillar's"));
        assert_eq!(value("config.get", json!(["colour:of"]), json!({})), json!("house"));
        assert_eq!(value("config.get", json!(["x.y"]), json!({})), json!(1));
        assert_eq!(value("config.get", json!(["none", "d"]), json!({})), json!("d"));
        assert_eq!(value("config.option", json!(["os"]), json!({"omit_opts": true})), json!("pillar's"));
        assert_eq!(value("config.option", json!(["none"]), json!({})), json!(""));
        assert_eq!(value("config.items", json!([]), json!({}))["timeout"], json!(5));
        assert_eq!(value("config.dot_vals", json!(["x"]), json!({})), json!({"x.y": 1}));
    }
}
