//! A fact's path and the value wanted there: `os:Debian`, `roles:web*`, `a:b:*:c`. Owns how nested facts are looked
//! through, as Salt's `subdict_match` does it: every way to part the expression into a key and a value is tried, lists are
//! searched member by member, a key of a map counts as a value, `*` stands for a level, and case does not count in values.

use std::cell::Cell;

use serde_json::{Map, Value};

use super::BadTarget;
use super::pattern::{Pattern, shown};
use crate::base::{glob, limits};

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// With a shell pattern.
    Glob,
    /// With a regular expression, from the start.
    Regex,
    /// As it is.
    Exact,
}

/// An expression, parted at its delimiters.
#[derive(Debug)]
pub(super) struct Path {
    /// The levels, and with each everything from there on to the end.
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    level: String,
    /// The rest of the expression from this level on, as written: a key that may be there.
    rest: String,
    /// The same as a wanted value.
    wanted: Wanted,
}

/// What a fact's text is compared with.
#[derive(Debug)]
enum Wanted {
    Glob(String),
    Regex(Pattern),
    Exact(String),
    /// No such value: half of a regular expression that has the delimiter inside.
    Nothing,
}

/// One search through one minion's facts.
struct Search<'a> {
    path: &'a Path,
    /// Facts that may still be looked at.
    steps: Cell<u32>,
}

impl Path {
    /// Reads `key:value` with at least one delimiter.
    pub(super) fn new(expression: &str, delimiter: &str, how: How) -> Result<Self, BadTarget> {
        let levels: Vec<&str> = expression.split(delimiter).collect();
        if levels.len() < 2 {
            return Err(BadTarget::NoValue { expression: shown(expression), delimiter: delimiter.to_owned() });
        }
        if levels.len() > limits::TARGET_PATH {
            return Err(BadTarget::TooMuch { what: "levels in one path", most: limits::TARGET_PATH });
        }
        let mut parts = Vec::with_capacity(levels.len());
        let mut broken = None;
        let mut rest = expression;
        for (i, level) in levels.iter().enumerate() {
            let wanted = match how {
                How::Glob => Wanted::Glob(rest.to_lowercase()),
                How::Exact => Wanted::Exact(rest.to_lowercase()),
                // The whole expression is never a value.
                How::Regex if i == 0 => Wanted::Nothing,
                How::Regex => Pattern::new(rest, true).map_or_else(
                    |why| {
                        broken.get_or_insert(why);
                        Wanted::Nothing
                    },
                    Wanted::Regex,
                ),
            };
            parts.push(Part { level: (*level).to_owned(), rest: rest.to_owned(), wanted });
            rest = rest.get(level.len() + delimiter.len()..).unwrap_or_default();
        }
        match broken {
            Some(why) if !parts.iter().any(|part| matches!(part.wanted, Wanted::Regex(_))) => Err(why),
            _ => Ok(Self { parts }),
        }
    }

    /// How many regular expressions it holds.
    pub(super) fn regexes(&self) -> usize {
        self.parts.iter().filter(|part| matches!(part.wanted, Wanted::Regex(_))).count()
    }

    /// Whether a fact of this name is looked at.
    pub(super) fn reads(&self, name: &str) -> bool {
        self.parts.first().is_some_and(|part| part.level == "*" || part.level == name)
    }

    /// Whether the facts have the value.
    pub(super) fn matches(&self, facts: &Map<String, Value>) -> bool {
        Search { path: self, steps: Cell::new(limits::TARGET_STEPS) }.below(facts, 0)
    }
}

impl Search<'_> {
    /// Whether `facts` have what the expression from level `from` on says, its first level being a key at least.
    fn below(&self, facts: &Map<String, Value>, from: usize) -> bool {
        (from + 1..self.path.parts.len()).any(|value_at| {
            let mut key = self.path.parts.get(from..value_at).unwrap_or_default().iter();
            if value_at == from + 1 && key.clone().all(|part| part.level == "*") {
                // Anything at all on this level.
                return self.in_map(facts, from);
            }
            let first = key.next().and_then(|part| facts.get(&part.level));
            match key.try_fold(first, |at, part| at.map(|at| child(at, &part.level))).flatten() {
                Some(Value::Object(map)) => !map.is_empty() && self.in_map(map, value_at),
                Some(Value::Array(items)) => items.iter().any(|item| match item {
                    Value::Object(map) => self.in_map(map, value_at),
                    other => self.is(other, value_at),
                }),
                Some(other) => self.is(other, value_at),
                None => false,
            }
        })
    }

    /// Whether a map is, or holds, what is wanted from level `at` on.
    fn in_map(&self, map: &Map<String, Value>, at: usize) -> bool {
        let level = |at: usize| self.path.parts.get(at).map(|part| part.level.as_str());
        let is_any = level(at) == Some("*") && level(at + 1).is_some();
        let at = at + usize::from(is_any);
        let Some(part) = self.path.parts.get(at) else { return false };
        if !self.step() {
            return false;
        }
        if part.rest == "*" || map.contains_key(&part.rest) || self.below(map, at) {
            return true;
        }
        is_any
            && map.values().any(|value| match value {
                Value::Object(map) => self.in_map(map, at),
                Value::Array(items) => items.iter().any(|item| self.is(item, at)),
                other => self.is(other, at),
            })
    }

    /// Whether one plain value is the one wanted from level `at` on.
    fn is(&self, value: &Value, at: usize) -> bool {
        let text = match value {
            Value::String(text) => text.to_lowercase(),
            // As Python writes them, without case.
            Value::Null => "none".to_owned(),
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Array(_) | Value::Object(_) => return false,
        };
        self.step()
            && match self.path.parts.get(at).map(|part| &part.wanted) {
                Some(Wanted::Glob(pattern)) => glob::matches(pattern, &text),
                Some(Wanted::Regex(pattern)) => pattern.matches(&text),
                Some(Wanted::Exact(wanted)) => *wanted == text,
                Some(Wanted::Nothing) | None => false,
            }
    }

    /// Whether another fact may be looked at.
    fn step(&self) -> bool {
        let left = self.steps.get();
        self.steps.set(left.saturating_sub(1));
        left > 0
    }
}

/// What a path such as `a:b:0` leads to: keys of maps, numbers of lists' items, and keys of maps in lists, as Salt's
/// `grains.get` finds them. The whole path is tried as a key first.
pub fn lookup<'a>(facts: &'a Map<String, Value>, path: &str, delimiter: &str) -> Option<&'a Value> {
    facts.get(path).or_else(|| {
        let mut levels = path.split(delimiter);
        let first = facts.get(levels.next()?)?;
        levels.try_fold(first, child)
    })
}

/// One level down: the value of a key, an item of a list by its number, or a key of the first map in a list that has it.
fn child<'a>(value: &'a Value, level: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(level),
        Value::Array(items) => match level.parse::<usize>() {
            Ok(n) => items.get(n),
            Err(_) => items.iter().find_map(|item| item.as_object()?.get(level)),
        },
        _ => None,
    }
}
