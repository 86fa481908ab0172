//! `grains.*`, and the minion's grains themselves: facts of the machine under Salt's names, collected once, with the
//! settings' own grains laid over them.

use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Map, Value};

use super::data::{self, DELIMITER};
use super::{Answer, Arguments, Call, Fault, Function, Keywords, facts};
use crate::base::Name;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "grains.items",
        usage: "grains.items",
        doc: "Returns all grains of the minion.",
        keywords: Keywords::These(&[]),
        run: items,
    },
    Function {
        name: "grains.ls",
        usage: "grains.ls",
        doc: "Returns the sorted names of the minion's grains.",
        keywords: Keywords::These(&[]),
        run: ls,
    },
    Function {
        name: "grains.get",
        usage: "grains.get NAME[:NAME ...] [DEFAULT] [delimiter=TEXT]",
        doc: "Returns one grain, or what lies within it, or the default (an empty text) if there is no such thing.",
        keywords: Keywords::These(&["key", "default", "delimiter"]),
        run: get,
    },
    Function {
        name: "grains.item",
        usage: "grains.item NAME ... [default=VALUE]",
        doc: "Returns a map of the named grains; those that do not exist have the default (an empty text).",
        keywords: Keywords::These(&["default"]),
        run: item,
    },
    Function {
        name: "grains.has_value",
        usage: "grains.has_value NAME[:NAME ...]",
        doc: "Returns whether there is such a grain and it is neither empty nor zero nor False.",
        keywords: Keywords::These(&["key"]),
        run: has_value,
    },
];

/// The grains of one minion. Nothing is read before the first question.
#[derive(Debug)]
pub struct Grains {
    id: Name,
    master: Option<String>,
    overlay: Map<String, Value>,
    all: RwLock<Option<Arc<Map<String, Value>>>>,
}

impl Grains {
    /// The grains of the minion `id`; `overlay` is `grains:` of its settings and wins over what the machine says.
    pub fn new(id: Name, master: Option<String>, overlay: Map<String, Value>) -> Self {
        Self { id, master, overlay, all: RwLock::default() }
    }

    /// All of them, sorted by name. The first call reads files below `/proc`, `/sys` and `/etc`, and asks no network.
    pub fn items(&self) -> Arc<Map<String, Value>> {
        let known = self.all.read().unwrap_or_else(PoisonError::into_inner).clone();
        known.unwrap_or_else(|| self.renew())
    }

    /// Reads them anew.
    pub fn renew(&self) -> Arc<Map<String, Value>> {
        let mut all = facts::collect();
        all.insert("id".to_owned(), self.id.as_str().into());
        all.insert("server_id".to_owned(), facts::server_id(self.id.as_str()).into());
        all.insert("roadsteadversion".to_owned(), env!("CARGO_PKG_VERSION").into());
        if let Some(master) = &self.master {
            all.insert("master".to_owned(), master.as_str().into());
        }
        all.extend(self.overlay.clone());
        all.sort_keys();
        let all = Arc::new(all);
        *self.all.write().unwrap_or_else(PoisonError::into_inner) = Some(all.clone());
        all
    }
}

fn items(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(Value::Object(call.context.grains.items().as_ref().clone()).into())
}

fn ls(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(Value::from(call.context.grains.items().keys().cloned().collect::<Vec<_>>()).into())
}

fn get(mut call: Call<'_>) -> Result<Answer, Fault> {
    let key = call.arguments.required("key")?;
    let key = call.arguments.as_text("key", &key)?;
    let default = call.arguments.next("default")?.unwrap_or_else(nothing);
    let delimiter = call.arguments.text("delimiter")?.unwrap_or_else(|| DELIMITER.to_owned());
    call.arguments.finish()?;
    Ok(data::find(&call.context.grains.items(), &key, &delimiter).cloned().unwrap_or(default).into())
}

fn item(mut call: Call<'_>) -> Result<Answer, Fault> {
    let names = names(&mut call.arguments)?;
    let default = call.arguments.keyword("default").unwrap_or_else(nothing);
    call.arguments.finish()?;
    let all = call.context.grains.items();
    let value = |name: &str| data::find(&all, name, DELIMITER).cloned().unwrap_or_else(|| default.clone());
    Ok(Value::Object(names.into_iter().map(|name| (name.clone(), value(&name))).collect()).into())
}

fn has_value(mut call: Call<'_>) -> Result<Answer, Fault> {
    let key = call.arguments.required("key")?;
    let key = call.arguments.as_text("key", &key)?;
    call.arguments.finish()?;
    let all = call.context.grains.items();
    let has = match data::find(&all, &key, DELIMITER) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
    };
    Ok(Value::Bool(has).into())
}

fn names(arguments: &mut Arguments) -> Result<Vec<String>, Fault> {
    let names = arguments.texts("name")?;
    if names.is_empty() { Err(arguments.wrong(format_args!("wants the name of a grain"))) } else { Ok(names) }
}

fn nothing() -> Value {
    Value::String(String::new())
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use serde_json::{Value, json};

    fn value(fun: &str, args: Value, kwargs: Value) -> Value {
        let outcome = run(fun, args, kwargs);
        assert!(outcome.success, "{outcome:?}");
        outcome.value
    }

    #[test]
    fn items_are_the_machine_and_the_settings() {
        let all = value("grains.items", json!([]), json!({}));
        assert_eq!((&all["id"], &all["master"], &all["kernel"]), (&json!("web1"), &json!("hub"), &json!("Linux")));
        assert_eq!(all["roles"], json!(["web"]));
        let names = value("grains.ls", json!([]), json!({}));
        let keys: Vec<_> = all.as_object().unwrap().keys().collect();
        assert_eq!(names, json!(keys));
        assert!(keys.is_sorted());
    }

    #[test]
    fn get_goes_into_maps_and_lists() {
        let get = |key: &str| value("grains.get", json!([key]), json!({}));
        assert_eq!(get("deployment:tier"), json!("front"));
        assert_eq!(get("deployment:racks:1"), json!("b2"));
        assert_eq!(get("deployment:tier:none"), json!(""));
        assert_eq!(get("nothing"), json!(""));
        assert_eq!(value("grains.get", json!(["nothing", 5]), json!({})), json!(5));
        assert_eq!(value("grains.get", json!(["deployment|tier"]), json!({"delimiter": "|"})), json!("front"));
        assert_eq!(value("grains.get", json!(["x", {"default": "y"}]), json!({})), json!("y"));
        assert_eq!(run("grains.get", json!([]), json!({})).retcode, 2);
    }

    #[test]
    fn has_value_means_something_is_there() {
        for (key, has) in [("id", true), ("deployment:tier", true), ("nothing", false), ("roles", true)] {
            assert_eq!(value("grains.has_value", json!([key]), json!({})), json!(has), "{key}");
        }
    }

    #[test]
    fn item_returns_a_map() {
        let items = value("grains.item", json!(["id", "nothing"]), json!({"default": 0}));
        assert_eq!(items, json!({"id": "web1", "nothing": 0}));
        assert_eq!(run("grains.item", json!([]), json!({})).retcode, 2);
    }
}
