//! Floor 5: what a minion can execute. Owns the table of functions and the one way to run one of them: blocking, on
//! the caller's thread, always ending in an [`Outcome`]. Never talks to a master and never decides who may call.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::base::{Name, glob, limits};
use crate::duty::{Outcome, Work};

mod arguments;
mod cmd;
mod config;
mod control;
mod data;
mod event;
mod facts;
mod grains;
mod hardware;
mod line;
mod matching;
mod mine;
mod network;
mod pillar;
mod process;
mod saltutil;
mod status;
mod sys;
mod test;
mod text;

pub use arguments::{Arguments, Keywords};
pub use control::Control;
pub use grains::Grains;
pub use line::Line;
pub use pillar::Pillar;

/// Bytes of one answer: the largest message, less what envelope, job id and arguments around it need.
pub const OUTPUT_MAX: usize = limits::MESSAGE_MAX - (1 << 20);

/// All is well.
const WELL: i64 = 0;
/// The function could not do what it was asked.
const FAILED: i64 = 1;
/// The arguments make no sense to the function, as a shell's usage errors.
const USAGE: i64 = 2;
/// No such function; what Salt 2018.3 uses too.
const UNKNOWN: i64 = 254;

/// The functions a minion has.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    functions: BTreeMap<&'static str, Function>,
}

/// One function.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// `module.function`.
    pub name: &'static str,
    /// How it is called, on one line.
    pub usage: &'static str,
    /// What it does, in sentences.
    pub doc: &'static str,
    /// Which keyword arguments it knows.
    pub keywords: Keywords,
    /// The function itself.
    pub run: fn(Call<'_>) -> Result<Answer, Fault>,
}

/// Where functions run: whose minion this is, and how a running one is stopped.
#[derive(Debug, Clone)]
pub struct Context {
    /// The minion's id.
    pub id: Name,
    /// The master it serves; none for `roadstead call`.
    pub master: Option<String>,
    /// The minion's grains.
    pub grains: Arc<Grains>,
    /// The minion's pillar, as far as the master has told it.
    pub pillar: Arc<Pillar>,
    /// The settings that `config.*` and `mine.*` show and use.
    pub settings: Arc<Map<String, Value>>,
    /// The running minion; none for `roadstead call`.
    pub line: Option<Arc<dyn Line>>,
    /// Stops this one job.
    pub control: Arc<Control>,
    /// Most bytes of output one answer may carry; [`OUTPUT_MAX`] unless a test wants less.
    pub output_max: usize,
}

/// What a function is given.
#[derive(Debug)]
pub struct Call<'a> {
    /// All functions there are, for those that talk about functions.
    pub registry: &'a Registry,
    /// Where it runs.
    pub context: &'a Context,
    /// With which arguments.
    pub arguments: Arguments,
}

/// What a function returns when it ran.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The value.
    pub value: Value,
    /// 0 when all is well.
    pub retcode: i64,
}

/// Why a function did not do what it was asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct Fault {
    /// One sentence.
    pub why: String,
    /// Never 0.
    pub retcode: i64,
}

impl Context {
    /// A context for the minion `id`, with a control of its own.
    pub fn new(id: Name, master: Option<String>, grains: Arc<Grains>) -> Self {
        let (pillar, settings, control) = (Arc::default(), Arc::default(), Arc::default());
        Self { id, master, grains, pillar, settings, line: None, control, output_max: OUTPUT_MAX }
    }
}

impl Registry {
    /// Every function Roadstead ships.
    pub fn standard() -> Self {
        let mut registry = Self::default();
        let modules = [
            cmd::FUNCTIONS,
            config::FUNCTIONS,
            event::FUNCTIONS,
            grains::FUNCTIONS,
            matching::FUNCTIONS,
            mine::FUNCTIONS,
            pillar::FUNCTIONS,
            saltutil::FUNCTIONS,
            status::FUNCTIONS,
            sys::FUNCTIONS,
            test::FUNCTIONS,
        ];
        modules.concat().into_iter().for_each(|function| registry.add(function));
        registry
    }

    /// Adds a function, replacing one of the same name.
    pub fn add(&mut self, function: Function) {
        self.functions.insert(function.name, function);
    }

    /// The function of this name, if this registry runs it.
    pub fn find(&self, name: &str) -> Option<&Function> {
        self.functions.get(name)
    }

    /// Sorted names of all functions, those the minion's duty answers itself (`saltutil.*`) included.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.functions.keys().copied().chain(sys::of_the_duty().map(|known| known.0)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The sorted names that fit one of `patterns`: a name, a module, or a shell pattern. No patterns: all names.
    pub fn names_like(&self, patterns: &[String]) -> Vec<&'static str> {
        let fits = |name: &str, pattern: &str| {
            let in_module = name.strip_prefix(pattern).is_some_and(|rest| rest.starts_with('.'));
            name == pattern || in_module || glob::matches(pattern, name)
        };
        let mut names = self.names();
        names.retain(|name| patterns.is_empty() || patterns.iter().any(|pattern| fits(name, pattern)));
        names
    }

    /// How a function is called and what it does.
    pub fn doc(&self, name: &str) -> Option<String> {
        let (usage, doc) = match self.find(name) {
            Some(function) => (function.usage, function.doc),
            None => sys::of_the_duty().find(|known| known.0 == name).map(|known| (known.1, known.2))?,
        };
        Some(format!("{usage}\n\n{doc}"))
    }

    /// Runs `work` on this thread. Every way this can end, a panic included, is an outcome.
    pub fn run(&self, work: &Work, context: &Context) -> Outcome {
        let done = match self.find(&work.fun) {
            _ if context.control.is_killed() => Err(Fault::killed()),
            None => Err(self.unknown(&work.fun)),
            Some(function) => {
                let arguments = Arguments::new(function, work.args.clone(), work.kwargs.clone());
                let call = Call { registry: self, context, arguments };
                catch_unwind(AssertUnwindSafe(|| (function.run)(call)))
                    .unwrap_or_else(|panic| Err(Fault::panicked(&work.fun, panic.as_ref())))
            }
        };
        let (value, retcode) = match done {
            Ok(answer) => (answer.value, answer.retcode),
            Err(fault) => (Value::String(fault.why), fault.retcode),
        };
        Outcome { jid: work.jid.clone(), value, retcode, success: retcode == WELL }
    }

    fn unknown(&self, name: &str) -> Fault {
        let why = if sys::of_the_duty().any(|known| known.0 == name) {
            format!("{name} is answered by a running minion only: ask it through its master, with `roadstead run`.")
        } else {
            // Salt's words (Salt over RAET §5); scripts look for them.
            format!("'{name}' is not available.")
        };
        Fault { why, retcode: UNKNOWN }
    }
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        Self { value, retcode: WELL }
    }
}

impl Fault {
    /// The master did not answer, or refused.
    pub(crate) fn unanswered(why: String) -> Self {
        Self::failed(format!("The master gave no answer: {why}."))
    }

    /// The function could not do what it was asked.
    pub fn failed(why: impl Into<String>) -> Self {
        Self { why: why.into(), retcode: FAILED }
    }

    /// The arguments make no sense.
    pub fn usage(why: impl Into<String>) -> Self {
        Self { why: why.into(), retcode: USAGE }
    }

    /// The job was ended from outside.
    pub fn killed() -> Self {
        Self { why: "The job was killed.".to_owned(), retcode: process::KILLED }
    }

    fn panicked(name: &str, panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let why = text.unwrap_or("it gave no reason");
        Self::failed(format!("{name} broke, which is a fault of the minion, not of the call: {why}."))
    }
}

/// A map from the entries; for functions that build one.
fn map<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    pub(crate) fn context() -> Context {
        let id = Name::new("web1").unwrap();
        let overlay = map([("deployment", json!({"tier": "front", "racks": ["a1", "b2"]})), ("roles", json!(["web"]))]);
        Context::new(id.clone(), Some("hub".to_owned()), Arc::new(Grains::new(id, Some("hub".to_owned()), overlay)))
    }

    pub(crate) fn work(fun: &str, args: Value, kwargs: Value) -> Work {
        let Value::Array(args) = args else { panic!("arguments are a list") };
        let Value::Object(kwargs) = kwargs else { panic!("keywords are a map") };
        Work { jid: "20261120082140169414".to_owned(), fun: fun.to_owned(), args, kwargs }
    }

    /// Runs a standard function.
    pub(crate) fn run(fun: &str, args: Value, kwargs: Value) -> Outcome {
        Registry::standard().run(&work(fun, args, kwargs), &context())
    }

    #[test]
    fn unknown_functions_are_said_in_salts_words() {
        let outcome = run("no.such", json!([]), json!({}));
        assert_eq!(outcome.value, json!("'no.such' is not available."));
        assert_eq!((outcome.retcode, outcome.success), (254, false));
        assert_eq!(outcome.jid, "20261120082140169414");
        let outcome = run("saltutil.running", json!([]), json!({}));
        assert!(outcome.value.as_str().unwrap().contains("running minion"), "{}", outcome.value);
    }

    #[test]
    fn panics_become_outcomes() {
        let mut registry = Registry::standard();
        let broken = |_: Call<'_>| -> Result<Answer, Fault> { panic!("shelf {} fell", 3) };
        registry.add(Function {
            name: "x.y",
            usage: "x.y",
            doc: "Breaks.",
            keywords: Keywords::These(&[]),
            run: broken,
        });
        let outcome = registry.run(&work("x.y", json!([]), json!({})), &context());
        assert_eq!((outcome.retcode, outcome.success), (1, false));
        assert!(outcome.value.as_str().unwrap().contains("shelf 3 fell"), "{}", outcome.value);
    }

    #[test]
    fn a_killed_context_runs_nothing() {
        let context = context();
        context.control.kill();
        let outcome = Registry::standard().run(&work("test.ping", json!([]), json!({})), &context);
        assert!(!outcome.success && outcome.retcode != 0);
    }

    #[test]
    fn every_function_has_a_usage_that_begins_with_its_name_and_a_doc() {
        let registry = Registry::standard();
        for name in registry.names() {
            let doc = registry.doc(name).unwrap();
            assert!(doc.starts_with(name), "{doc}");
            assert!(doc.split_once("\n\n").unwrap().1.ends_with('.'), "{doc}");
        }
        assert_eq!(registry.doc("no.such"), None);
    }

    #[test]
    fn names_by_module_name_and_pattern() {
        let registry = Registry::standard();
        let like = |pattern: &str| registry.names_like(&[pattern.to_owned()]);
        assert_eq!(like("test.ping"), ["test.ping"]);
        assert_eq!(like("grains"), ["grains.get", "grains.has_value", "grains.item", "grains.items", "grains.ls"]);
        assert_eq!(like("cmd.run_s*"), ["cmd.run_stderr", "cmd.run_stdout"]);
        assert_eq!(like("tes"), Vec::<&str>::new());
        assert_eq!(registry.names_like(&[]), registry.names());
        assert!(registry.names().is_sorted());
    }
}
