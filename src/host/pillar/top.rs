//! Top files: which pillar files are for which minions, by environment. Owns how they are read, brought together and asked;
//! renders no pillar file.

use serde_json::{Map, Value};

use super::Fault;
use crate::base::target::{self, Facts, Groups, Matcher};

/// What all top files say, environment by environment in the order they came up.
#[derive(Debug, Default)]
pub(super) struct Top {
    environments: Vec<(String, Vec<Entry>)>,
}

/// One target and its files.
#[derive(Debug)]
struct Entry {
    target: String,
    kind: String,
    order: i64,
    files: Vec<String>,
    may_miss: bool,
}

/// The files one environment has for a minion.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) environment: String,
    pub(super) files: Vec<String>,
    /// Those that need not be there.
    pub(super) may_miss: Vec<String>,
}

impl Top {
    /// Takes in one top file; gives the names it includes. A target named again has what was said last.
    pub(super) fn add(&mut self, document: Value) -> Result<Vec<String>, Fault> {
        let bad = |why: String| Fault { line: None, why };
        let environments = match document {
            Value::Null => return Ok(Vec::new()),
            Value::Object(map) => map,
            _ => return Err(bad("a top file is a map of environments".to_owned())),
        };
        let mut includes = Vec::new();
        for (environment, targets) in environments {
            if environment == "include" {
                includes = texts(&targets).ok_or_else(|| bad("its `include` is no list of names".to_owned()))?;
                continue;
            }
            let Value::Object(targets) = targets else {
                return Err(bad(format!("the environment '{environment}' is no map of targets")));
            };
            for (target, listed) in targets {
                let entry = Entry::read(target, &listed).map_err(bad)?;
                self.put(&environment, entry);
            }
        }
        Ok(includes)
    }

    fn put(&mut self, environment: &str, entry: Entry) {
        let at = self.environments.iter().position(|(name, _)| name == environment).unwrap_or_else(|| {
            self.environments.push((environment.to_owned(), Vec::new()));
            self.environments.len() - 1
        });
        let Some((_, entries)) = self.environments.get_mut(at) else { return };
        match entries.iter_mut().find(|other| other.target == entry.target) {
            Some(other) => *other = entry,
            None => entries.push(entry),
        }
    }

    /// The files for a minion; of one environment only where that is asked for. What cannot be matched is a fault, and
    /// means nobody.
    pub(super) fn choose(&self, facts: &Facts<'_>, groups: &Groups, only: Option<&str>) -> (Vec<Chosen>, Vec<String>) {
        let (mut chosen, mut faults) = (Vec::new(), Vec::new());
        for (environment, entries) in &self.environments {
            if only.is_some_and(|only| only != environment) {
                continue;
            }
            let mut entries: Vec<&Entry> = entries.iter().collect();
            entries.sort_by_key(|entry| entry.order);
            let mut own = Chosen { environment: environment.clone(), ..Chosen::default() };
            for entry in entries {
                if entry.may_miss {
                    own.may_miss.extend(entry.files.iter().cloned());
                }
                match entry.is_for(facts, groups) {
                    Ok(true) => own.add(&entry.files),
                    Ok(false) => {}
                    Err(why) => faults.push(why.to_string()),
                }
            }
            if !own.files.is_empty() {
                chosen.push(own);
            }
        }
        (chosen, faults)
    }
}

impl Chosen {
    fn add(&mut self, files: &[String]) {
        for file in files {
            if !self.files.contains(file) {
                self.files.push(file.clone());
            }
        }
    }
}

impl Entry {
    /// A target's list: names of files, and maps that say how it is meant.
    fn read(target: String, listed: &Value) -> Result<Self, String> {
        let mut entry = Self { target, kind: "compound".to_owned(), order: 0, files: Vec::new(), may_miss: false };
        let items = match listed {
            Value::Array(items) => items.as_slice(),
            Value::String(_) => std::slice::from_ref(listed),
            _ => return Err(format!("the target '{}' has no list of files", entry.target)),
        };
        for item in items {
            match item {
                Value::String(name) => entry.files.push(name.clone()),
                Value::Object(options) => entry.read_options(options),
                _ => return Err(format!("the target '{}' lists something that is no name of a file", entry.target)),
            }
        }
        Ok(entry)
    }

    fn read_options(&mut self, options: &Map<String, Value>) {
        if let Some(Value::String(kind)) = options.get("match") {
            self.kind.clone_from(kind);
        }
        match options.get("order") {
            Some(Value::Number(number)) => self.order = number.as_i64().unwrap_or(0),
            Some(Value::String(text)) => self.order = text.parse().unwrap_or(0),
            _ => {}
        }
        self.may_miss |= options.get("ignore_missing") == Some(&Value::Bool(true));
    }

    fn is_for(&self, facts: &Facts<'_>, groups: &Groups) -> Result<bool, target::BadTarget> {
        let expanded = |text: String| target::expand(&Value::from(text), groups).map(Value::from);
        let matcher = match self.kind.as_str() {
            "nodegroup" => Matcher::new("compound", &expanded(format!("N@{}", self.target))?, "")?,
            "compound" => Matcher::new("compound", &expanded(self.target.clone())?, "")?,
            kind => Matcher::new(kind, &Value::from(self.target.as_str()), "")?,
        };
        Ok(matcher.matches(facts))
    }
}

/// A list of texts, or one text.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}
