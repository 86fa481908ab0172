//! Node groups: names in the master's settings for target expressions, which may name other groups. Owns how they are put
//! in their place; a minion never sees one. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::BadTarget;
use super::compound::{OPERATORS, engine};
use super::pattern::shown;
use crate::base::limits;

/// The groups, each as the words of its expression.
pub type Groups = BTreeMap<String, Vec<String>>;

/// The words of a compound target with every `N@name` replaced by that group, in parentheses.
///
/// A group whose words are ids and nothing else is a list of these ids, as in Salt.
pub fn expand(tgt: &Value, groups: &Groups) -> Result<Vec<String>, BadTarget> {
    let words: Vec<&str> = match tgt {
        Value::String(text) => text.split_whitespace().collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => return Err(BadTarget::Value { tgt_type: "compound", wanted: "a text or a list of words" }),
    };
    let mut out = Vec::new();
    put(words.into_iter(), groups, &mut Vec::new(), &mut out)?;
    Ok(out)
}

fn put<'a>(
    words: impl Iterator<Item = &'a str>,
    groups: &'a Groups,
    inside: &mut Vec<&'a str>,
    out: &mut Vec<String>,
) -> Result<(), BadTarget> {
    for word in words {
        if let Some(('N', _, name)) = engine(word) {
            let bad = |why| BadTarget::Group { name: shown(name), why };
            let (name, words) = groups.get_key_value(name).ok_or(bad("is not in the master's settings"))?;
            if inside.contains(&name.as_str()) {
                return Err(bad("is inside itself"));
            }
            if inside.len() >= limits::TARGET_DEPTH {
                return Err(bad("is inside too many others"));
            }
            if words.is_empty() {
                return Err(bad("is empty"));
            }
            inside.push(name);
            out.push("(".to_owned());
            if words.iter().all(|word| is_id(word)) {
                out.push(format!("L@{}", words.join(",")));
            } else {
                put(words.iter().map(String::as_str), groups, inside, out)?;
            }
            out.push(")".to_owned());
            inside.pop();
        } else {
            out.push(word.to_owned());
        }
        // Groups of groups may double at every level.
        if out.len() > limits::TARGET_WORDS {
            return Err(BadTarget::TooMuch { what: "words", most: limits::TARGET_WORDS });
        }
    }
    Ok(())
}

/// Whether a word is an id: no operator, no engine, no pattern.
fn is_id(word: &str) -> bool {
    !OPERATORS.contains(&word) && engine(word).is_none() && !crate::base::glob::is_glob(word)
}
