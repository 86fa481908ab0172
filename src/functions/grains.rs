//! `grains.*`, and the minion's grains themselves: facts of the machine under Salt's names, collected once, with the
//! settings' own grains laid over them.

use std::sync::OnceLock;

use serde_json::{Map, Value};

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
];

/// The grains of one minion. Nothing is read before the first question.
#[derive(Debug)]
pub struct Grains {
    id: Name,
    master: Option<String>,
    overlay: Map<String, Value>,
    all: OnceLock<Map<String, Value>>,
}

impl Grains {
    /// The grains of the minion `id`; `overlay` is `grains:` of its settings and wins over what the machine says.
    pub fn new(id: Name, master: Option<String>, overlay: Map<String, Value>) -> Self {
        Self { id, master, overlay, all: OnceLock::new() }
    }

    /// All of them, sorted by name. The first call reads files below `/proc`, `/sys` and `/etc`, and asks no network.
    pub fn items(&self) -> &Map<String, Value> {
        self.all.get_or_init(|| {
            let mut all = facts::collect();
            all.insert("id".to_owned(), self.id.as_str().into());
            all.insert("roadsteadversion".to_owned(), env!("CARGO_PKG_VERSION").into());
            if let Some(master) = &self.master {
                all.insert("master".to_owned(), master.as_str().into());
            }
            all.extend(self.overlay.clone());
            all.sort_keys();
            all
        })
    }

    /// The grain at `path`, whose steps are parted by `delimiter`; a step into a list is a place in it.
    pub fn find(&self, path: &str, delimiter: &str) -> Option<&Value> {
        let mut steps = if delimiter.is_empty() { vec![path] } else { path.split(delimiter).collect() }.into_iter();
        let mut value = self.items().get(steps.next()?)?;
        for step in steps {
            value = match value {
                Value::Object(map) => map.get(step)?,
                Value::Array(list) => list.get(step.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

fn items(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(Value::Object(call.context.grains.items().clone()).into())
}

fn ls(call: Call<'_>) -> Result<Answer, Fault> {
    call.arguments.finish()?;
    Ok(Value::from(call.context.grains.items().keys().cloned().collect::<Vec<_>>()).into())
}

fn get(mut call: Call<'_>) -> Result<Answer, Fault> {
    let key = call.arguments.required("key")?;
    let key = call.arguments.as_text("key", &key)?;
    let default = call.arguments.next("default")?.unwrap_or_else(nothing);
    let delimiter = call.arguments.text("delimiter")?.unwrap_or_else(|| ":".to_owned());
    call.arguments.finish()?;
    Ok(call.context.grains.find(&key, &delimiter).cloned().unwrap_or(default).into())
}

fn item(mut call: Call<'_>) -> Result<Answer, Fault> {
    let names = names(&mut call.arguments)?;
    let default = call.arguments.keyword("default").unwrap_or_else(nothing);
    call.arguments.finish()?;
    let value = |name: &str| call.context.grains.find(name, ":").cloned().unwrap_or_else(|| default.clone());
    Ok(Value::Object(names.into_iter().map(|name| (name.clone(), value(&name))).collect()).into())
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
    fn item_returns_a_map() {
        let items = value("grains.item", json!(["id", "nothing"]), json!({"default": 0}));
        assert_eq!(items, json!({"id": "web1", "nothing": 0}));
        assert_eq!(run("grains.item", json!([]), json!({})).retcode, 2);
    }
}
