//! The pillar of a minion: what only it is told. Top files say which pillar files are for it; these are rendered and laid over
//! each other. Owns the order and the bounds, and sees to it that what is broken is left out and said, in the pillar and in
//! the master's log.

mod jinja;
mod merge;
mod roots;
mod top;
mod yaml;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use serde_json::{Map, Value};
use tracing::warn;

use crate::base::target::{Facts, Groups};
use crate::base::{Name, glob, limits};
use crate::host::settings::Settings;
use jinja::Jinja;
use merge::lay;
use roots::{BASE, Found, Roots};
use top::{Chosen, Top};

/// What a minion's pillar depends on (Salt over RAET §3, §6).
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Whose pillar, as the session has it.
    pub id: &'a Name,
    /// What it says of itself: never to be believed where it matters.
    pub grains: &'a Map<String, Value>,
    /// The environment of its states; none: all.
    pub saltenv: Option<&'a str>,
    /// The environment of its pillar; none: all.
    pub pillarenv: Option<&'a str>,
    /// What the minion's caller wants on top of it.
    pub pillar_override: &'a Map<String, Value>,
}

/// Where pillars come from.
#[derive(Debug)]
pub struct Pillar {
    roots: Roots,
    groups: Groups,
}

/// What is wrong with a file.
#[derive(Debug)]
struct Fault {
    /// From 1, where it is known.
    line: Option<usize>,
    why: String,
}

/// One pillar in the making.
struct Compiler<'a> {
    question: &'a Question<'a>,
    /// The minion's grains, with the id of the session.
    grains: Map<String, Value>,
    groups: &'a Groups,
    roots: Roots,
    /// What the minion is told of what is wrong.
    errors: Vec<String>,
    /// Pillar files that may still be rendered.
    files: usize,
    /// Bytes of text they may still give.
    room: usize,
}

/// The files of one environment while they are rendered.
struct Shelf<'a> {
    environment: &'a str,
    jinja: Jinja,
    may_miss: &'a [String],
    /// Those that were rendered: none is included a second time.
    done: BTreeSet<String>,
}

impl Pillar {
    /// As the settings say.
    pub fn new(settings: &Settings) -> Self {
        Self { roots: Roots::new(settings.pillar_roots.clone()), groups: settings.nodegroups.clone() }
    }

    /// The pillar of a minion. May take its time: it runs on a thread of its own.
    ///
    /// What is broken is left out and named under `_errors`, as in Salt.
    pub fn compile(&self, question: &Question<'_>) -> Map<String, Value> {
        let mut grains = question.grains.clone();
        grains.insert("id".to_owned(), Value::from(question.id.as_str()));
        let environment = question.pillarenv.or(question.saltenv).unwrap_or(BASE);
        let mut compiler = Compiler {
            question,
            grains,
            groups: &self.groups,
            roots: self.roots.with(environment),
            errors: Vec::new(),
            files: limits::PILLAR_FILES,
            room: limits::PILLAR_TEXT,
        };
        let mut pillar = question.pillar_override.clone();
        for chosen in compiler.choose() {
            compiler.render(&chosen, &mut pillar);
        }
        if !compiler.errors.is_empty() {
            pillar.insert("_errors".to_owned(), compiler.errors.into());
        }
        lay(&mut pillar, question.pillar_override.clone());
        bounded(pillar, question.id)
    }
}

impl Compiler<'_> {
    /// Reads the top files; the pillar files for this minion, environment by environment.
    fn choose(&mut self) -> Vec<Chosen> {
        let only = self.question.pillarenv;
        let mut top = Top::default();
        let environments: Vec<String> = self.roots.environments().map(str::to_owned).collect();
        for environment in environments.iter().filter(|name| only.is_none_or(|only| only == *name)) {
            self.add_tops(environment, &mut top);
        }
        let nothing = Map::new();
        let facts = Facts { id: self.question.id.as_str(), grains: Some(&self.grains), pillar: Some(&nothing) };
        let (chosen, faults) = top.choose(&facts, self.groups, only);
        for why in faults {
            self.tell("a target of the pillar's top file cannot be read", &why);
        }
        chosen
    }

    /// One environment's top file, and those it includes.
    fn add_tops(&mut self, environment: &str, top: &mut Top) {
        let jinja = self.jinja(environment);
        let mut waiting = vec!["top".to_owned()];
        let mut done = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            if !done.insert(name.clone()) {
                continue;
            }
            let found = match self.roots.read_sls(environment, &name) {
                Ok(Some(found)) => found,
                Ok(None) if name == "top" => return,
                Ok(None) => {
                    let why = format!("the environment '{environment}' has no top file '{name}' to include");
                    self.tell("a top file of the pillar is missing", &why);
                    continue;
                }
                Err((path, error)) => {
                    self.broken(&path, &unreadable(&error), &name);
                    continue;
                }
            };
            let document = self.document(&jinja, &found, &name, &Map::new());
            match document.and_then(|document| top.add(document)) {
                Ok(includes) => waiting.extend(includes),
                Err(fault) => self.broken(&found.1.path, &fault, &name),
            }
        }
    }

    /// Lays one environment's files over the pillar.
    fn render(&mut self, chosen: &Chosen, pillar: &mut Map<String, Value>) {
        let environment = chosen.environment.as_str();
        if !self.roots.has(environment) {
            let why = format!("`pillar_roots` has no environment '{environment}', which a top file names");
            return self.tell("an environment of the pillar is missing", &why);
        }
        let mut shelf =
            Shelf { environment, jinja: self.jinja(environment), may_miss: &chosen.may_miss, done: BTreeSet::new() };
        for name in self.names(chosen) {
            if let Some(state) = self.file(&mut shelf, &name, &Map::new(), 0) {
                lay(pillar, state);
            }
        }
    }

    /// The chosen names, patterns among them replaced by what they fit.
    fn names(&self, chosen: &Chosen) -> Vec<String> {
        let mut names = Vec::new();
        let mut known = None;
        for name in &chosen.files {
            let before = names.len();
            if glob::is_glob(name) {
                let known = known.get_or_insert_with(|| self.roots.names(&chosen.environment));
                names.extend(known.iter().filter(|known| glob::matches(name, known)).cloned());
            }
            if names.len() == before {
                names.push(name.clone());
            }
        }
        names
    }

    /// One pillar file with all it includes, or nothing where that is what it gives.
    fn file(
        &mut self,
        shelf: &mut Shelf<'_>,
        name: &str,
        defaults: &Map<String, Value>,
        depth: usize,
    ) -> Option<Map<String, Value>> {
        if self.files == 0 || depth > limits::PILLAR_DEPTH {
            self.tell("the pillar has too many files, or includes too deep", name);
            return None;
        }
        self.files -= 1;
        let found = match self.roots.read_sls(shelf.environment, name) {
            Ok(Some(found)) => found,
            Ok(None) if shelf.may_miss.iter().any(|other| other == name) => return None,
            Ok(None) => {
                let why = format!("the environment '{}' has no pillar file '{name}'", shelf.environment);
                self.tell(&format!("the pillar file '{name}' is missing"), &why);
                return None;
            }
            Err((path, error)) => {
                self.broken(&path, &unreadable(&error), name);
                return None;
            }
        };
        shelf.done.insert(name.to_owned());
        let mut state = match self.document(&shelf.jinja, &found, name, defaults) {
            Ok(Value::Null) => return None,
            Ok(Value::Object(map)) => map,
            Ok(_) => {
                let fault = Fault { line: None, why: "it gives no map of names and values".to_owned() };
                self.broken(&found.1.path, &fault, name);
                return None;
            }
            Err(fault) => {
                self.broken(&found.1.path, &fault, name);
                return None;
            }
        };
        let Some(includes) = state.shift_remove("include") else { return Some(state) };
        let Value::Array(includes) = includes else {
            let fault = Fault { line: None, why: "its `include` is no list".to_owned() };
            self.broken(&found.1.path, &fault, name);
            return Some(state);
        };
        let mut whole = Map::new();
        for include in &includes {
            if let Some(part) = self.include(shelf, include, &found.1.path, name, depth) {
                lay(&mut whole, part);
            }
        }
        // The file's own values stand above those it includes.
        lay(&mut whole, state);
        Some(whole)
    }

    /// One entry of an `include`: a name, or a name with values for its template and a key to put it under.
    fn include(
        &mut self,
        shelf: &mut Shelf<'_>,
        entry: &Value,
        path: &Path,
        from: &str,
        depth: usize,
    ) -> Option<Map<String, Value>> {
        let nothing = Map::new();
        let (name, options) = match entry {
            Value::String(name) => (name.as_str(), &nothing),
            Value::Object(map) => {
                let (name, options) = map.iter().next()?;
                (name.as_str(), options.as_object().unwrap_or(&nothing))
            }
            _ => {
                let fault = Fault { line: None, why: "its `include` lists something that is no name".to_owned() };
                self.broken(path, &fault, from);
                return None;
            }
        };
        if shelf.done.contains(name) {
            return None;
        }
        let defaults = options.get("defaults").and_then(Value::as_object).unwrap_or(&nothing);
        let state = self.file(shelf, name, defaults, depth + 1)?;
        let Some(key) = options.get("key").and_then(Value::as_str) else { return Some(state) };
        let wrapped = key.rsplit(':').take(limits::PILLAR_DEPTH);
        Some(wrapped.fold(state, |inner, part| Map::from_iter([(part.to_owned(), Value::Object(inner))])))
    }

    /// A file's values: rendered, then read as YAML.
    fn document(
        &mut self,
        jinja: &Jinja,
        (relative, found): &(String, Found),
        name: &str,
        defaults: &Map<String, Value>,
    ) -> Result<Value, Fault> {
        let first = found.text.lines().next().unwrap_or_default();
        let renderers = first.strip_prefix("#!").unwrap_or("jinja|yaml");
        match renderers.split_whitespace().collect::<String>().as_str() {
            "jinja|yaml" => {
                let rendered = jinja.render(relative, &found.text, name, defaults, self.room)?;
                self.room -= rendered.len();
                yaml::read(&rendered)
            }
            "yaml" => yaml::read(&found.text),
            other => {
                let why = format!("the renderer '{other}' is not supported; there are jinja|yaml and yaml");
                Err(Fault { line: Some(1), why })
            }
        }
    }

    fn jinja(&self, environment: &str) -> Jinja {
        let Question { id, pillarenv, .. } = *self.question;
        Jinja::new(&self.roots, environment, id.as_str(), &self.grains, pillarenv)
    }

    /// Says what is wrong with a file: where and why in the log, and to the minion only that it is.
    fn broken(&mut self, path: &Path, fault: &Fault, name: &str) {
        let line = fault.line.map(|line| format!(":{line}")).unwrap_or_default();
        let why = format!("{}{line}: {}", path.display(), fault.why);
        self.tell(&format!("the pillar file '{name}' cannot be rendered"), &why);
    }

    fn tell(&mut self, what: &str, why: &str) {
        let id = self.question.id;
        // A line break would make two lines of one in the log.
        let why: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        warn!(%id, "{what}, and is left out of the pillar: {why}");
        self.errors.push(format!("{what}; the master's log says why"));
    }
}

/// The pillar, unless it is more than a minion would take.
fn bounded(pillar: Map<String, Value>, id: &Name) -> Map<String, Value> {
    let size = rmp_serde::to_vec_named(&pillar).map(|bytes| (bytes.len(), crate::message::check(&bytes).is_ok()));
    match size {
        Ok((size, true)) if size <= limits::PILLAR_BYTES => pillar,
        Ok((size, is_shallow)) => {
            let depth = if is_shallow { "" } else { " and is nested too deep" };
            warn!(%id, "the pillar has {size} bytes{depth}; {} is the most, so the minion gets none", limits::PILLAR_BYTES);
            let error = "the pillar is larger or deeper than a minion takes; the master's log says more";
            Map::from_iter([("_errors".to_owned(), Value::from(vec![error]))])
        }
        Err(why) => {
            warn!(%id, "the pillar cannot be encoded: {why}");
            Map::from_iter([("_errors".to_owned(), Value::from(vec!["the pillar cannot be encoded"]))])
        }
    }
}

fn unreadable(error: &io::Error) -> Fault {
    Fault { line: None, why: error.to_string() }
}

#[cfg(test)]
mod tests;
