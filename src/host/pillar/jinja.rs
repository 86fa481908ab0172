//! Pillar files as Jinja templates. Owns what they may use: the minion's grains, its id, the environment, other files of the
//! same environment, and the few of Salt's functions that need no minion. Bounded in work and in output.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use minijinja::value::{Kwargs, Object, Rest, Serde, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};
use minijinja_contrib::pycompat::unknown_method_callback;
use serde_json::{Map, Value as Json};

use super::Fault;
use super::roots::Roots;
use crate::base::limits;
use crate::base::target::{DELIMITER, lookup};

/// The templates of one environment, for one minion.
pub(super) struct Jinja {
    environment: Environment<'static>,
    context: BTreeMap<String, Value>,
}

impl Jinja {
    /// Templates of the environment `saltenv` for the minion `id`, whose `grains` are what it says of itself.
    pub(super) fn new(
        roots: &Roots,
        saltenv: &str,
        id: &str,
        grains: &Map<String, Json>,
        pillarenv: Option<&str>,
    ) -> Self {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        // As Salt: a name that nobody set is an error, not an empty text.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(limits::PILLAR_FUEL));
        environment.set_recursion_limit(limits::PILLAR_DEPTH * 4);
        environment.set_unknown_method_callback(unknown_method_callback);
        environment.set_formatter(print);
        for name in ["json", "yaml", "yaml_encode", "yaml_dquote"] {
            environment.add_filter(name, json);
        }
        environment.add_filter("yaml_squote", |text: &str| format!("'{}'", text.replace('\'', "''")));
        let (own, saltenv_of_files) = (roots.clone(), saltenv.to_owned());
        environment.set_loader(move |name| match own.read(&saltenv_of_files, name) {
            Ok(found) => Ok(found.map(|found| found.text)),
            Err((path, error)) => {
                Err(Error::new(ErrorKind::InvalidOperation, format!("cannot read {}: {error}", path.display())))
            }
        });
        let none = || Value::from(());
        let opts = BTreeMap::from([
            ("id", Value::from(id)),
            ("saltenv", Value::from(saltenv)),
            ("pillarenv", pillarenv.map_or_else(none, Value::from)),
        ]);
        let context = BTreeMap::from([
            ("id".to_owned(), Value::from(id)),
            ("opts".to_owned(), Value::from_pairs(opts)),
            ("grains".to_owned(), Value::from(Serde(grains))),
            ("pillar".to_owned(), Value::from_pairs(BTreeMap::<String, Value>::new())),
            ("salt".to_owned(), Value::from_object(Functions { grains: Arc::new(grains.clone()) })),
            ("saltenv".to_owned(), Value::from(saltenv)),
            ("env".to_owned(), Value::from(saltenv)),
            ("pillarenv".to_owned(), pillarenv.map_or_else(none, Value::from)),
        ]);
        Self { environment, context }
    }

    /// Renders `source`, which is the file `name` below the roots, with `more` names set. At most `room` bytes.
    pub(super) fn render(
        &self,
        name: &str,
        source: &str,
        sls: &str,
        more: &Map<String, Json>,
        room: usize,
    ) -> Result<String, Fault> {
        let mut context = self.context.clone();
        let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
        for (key, value) in [("sls", sls), ("tplfile", name), ("tpldir", directory), ("slspath", directory)] {
            context.insert(key.to_owned(), Value::from(value));
        }
        context.extend(more.iter().map(|(key, value)| (key.clone(), Value::from(Serde(value)))));
        let template = self.environment.template_from_named_str(name, source).map_err(|error| fault(&error, name))?;
        let mut sink = Sink { bytes: Vec::new(), room };
        match template.render_captured_to(Value::from_pairs(context), &mut sink) {
            Ok(_) => {}
            Err(_) if sink.room == 0 => {
                return Err(Fault { line: None, why: format!("it gives more than {room} bytes of text") });
            }
            Err(error) => return Err(fault(&error, name)),
        }
        // Only whole texts are ever written.
        Ok(String::from_utf8_lossy(&sink.bytes).into_owned())
    }
}

/// Text so far, and how much more is let in.
struct Sink {
    bytes: Vec<u8>,
    room: usize,
}

impl Write for Sink {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if more.len() > self.room {
            self.room = 0;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.room -= more.len();
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is wrong as one sentence: the inmost reason, and the file when it is another one.
fn fault(error: &Error, name: &str) -> Fault {
    let mut inner = error;
    while let Some(deeper) = std::error::Error::source(inner).and_then(|source| source.downcast_ref::<Error>()) {
        inner = deeper;
    }
    let why = match inner.detail() {
        Some(detail) => format!("{}: {detail}", inner.kind()),
        None => inner.kind().to_string(),
    };
    match inner.name().filter(|other| *other != name) {
        Some(other) => {
            let line = inner.line().map(|line| format!(":{line}")).unwrap_or_default();
            Fault { line: error.line(), why: format!("{why} (in {other}{line})") }
        }
        None => Fault { line: inner.line(), why },
    }
}

/// Values as Python prints them, where YAML would read something else.
fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::None => Ok(out.write_str("None")?),
        ValueKind::Bool => Ok(out.write_str(if value.is_true() { "True" } else { "False" })?),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// A value as JSON, which YAML is a superset of. Arguments that only change its looks are taken and ignored.
fn json(value: &Value, _looks: Rest<Value>) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|why| Error::new(ErrorKind::BadSerialization, why.to_string()))
}

/// `salt['grains.get']` and the like.
#[derive(Debug)]
struct Functions {
    grains: Arc<Map<String, Json>>,
}

impl Object for Functions {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?.to_owned();
        let grains = self.grains.clone();
        Some(match name.as_str() {
            "grains.get" => Value::from_function(move |path: &str, rest: Rest<Value>, named: Kwargs| {
                find(&grains, path, &rest, &named)
            }),
            // While a pillar is made there is none yet.
            "pillar.get" => Value::from_function(move |path: &str, rest: Rest<Value>, named: Kwargs| {
                find(&Map::new(), path, &rest, &named)
            }),
            _ => Value::from_function(move |_: Rest<Value>| -> Result<Value, Error> {
                let why =
                    format!("the function {name} does not exist for pillar files; there are grains.get and pillar.get");
                Err(Error::new(ErrorKind::UnknownFunction, why))
            }),
        })
    }
}

/// What `path` leads to, or the default that was given, or an empty text.
fn find(facts: &Map<String, Json>, path: &str, rest: &[Value], named: &Kwargs) -> Result<Value, Error> {
    let default = match rest.first() {
        Some(default) => Some(default.clone()),
        None => named.get::<Option<Value>>("default")?,
    };
    let delimiter = named.get::<Option<String>>("delimiter")?;
    let delimiter = delimiter.as_deref().filter(|text| !text.is_empty()).unwrap_or(DELIMITER);
    Ok(match lookup(facts, path, delimiter) {
        Some(found) => Value::from(Serde(found)),
        None => default.unwrap_or_else(|| Value::from("")),
    })
}
