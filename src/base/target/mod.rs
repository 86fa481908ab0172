//! Which minions a target means, the same for a master that selects and a minion that checks: Salt's target types, read
//! once and asked of any minion's facts. Owns the reading and the matching; knows no roster, no cache and no message.
//!
//! What is not known is neither true nor false: `not G@os:Debian` does not mean a minion whose grains nobody has.

mod compound;
mod group;
mod network;
mod path;
mod pattern;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::glob;
pub use group::{Groups, expand};
use network::Network;
pub use path::lookup;
use path::{How, Path};
use pattern::Pattern;

/// What stands between the levels of a fact's path unless another delimiter is named.
pub const DELIMITER: &str = ":";

/// What is known of one minion. `None` is "not known", which is not the same as empty.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its grains.
    pub grains: Option<&'a Map<String, Value>>,
    /// Its pillar.
    pub pillar: Option<&'a Map<String, Value>>,
}

/// A target that means nobody because it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// A target type nobody knows.
    #[error(
        "there is no target type {0:?}; there are glob, list, pcre, grain, grain_pcre, pillar, pillar_pcre, pillar_exact, ipcidr and compound"
    )]
    Type(String),
    /// Another value than this type takes.
    #[error("a target of type {tgt_type} must be {wanted}")]
    Value {
        /// The target type.
        tgt_type: &'static str,
        /// What it takes.
        wanted: &'static str,
    },
    /// A fact without a value to compare with.
    #[error("{expression:?} names no value; write it as key{delimiter}value")]
    NoValue {
        /// As written.
        expression: String,
        /// What stands between key and value.
        delimiter: String,
    },
    /// A regular expression that cannot be read, or that would be too large.
    #[error("the regular expression {expression:?} cannot be used: {why}")]
    Pattern {
        /// As written.
        expression: String,
        /// Why not.
        why: String,
    },
    /// Neither an address nor a network.
    #[error("{0:?} is no IP address and no network; write 10.1.2.3 or 10.1.0.0/16, with zeros behind the prefix")]
    Network(String),
    /// A compound expression whose words do not fit together.
    #[error("the expression {expression:?} cannot be read: {why}")]
    Compound {
        /// As written, or as far as that can be shown.
        expression: String,
        /// What is wrong.
        why: String,
    },
    /// A node group that is not there, or is inside itself.
    #[error("the node group {name:?} {why}")]
    Group {
        /// The group.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// More of something than `base/limits` allows.
    #[error("the target has more than {most} {what}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// The limit.
        most: usize,
    },
}

/// Where facts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The minion.
    Grains,
    /// Its master.
    Pillar,
}

/// A target that was read and can be asked about any number of minions.
#[derive(Debug)]
pub struct Matcher(Expression);

/// What a target is made of.
#[derive(Debug)]
enum Expression {
    Glob(String),
    List(BTreeSet<String>),
    Id(Pattern),
    Grain(Path),
    Pillar(Path),
    Network(Network),
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
}

/// Whether `tgt`, read as `tgt_type` says, means the minion of these facts: one question to a [`Matcher`].
pub fn matches(tgt_type: &str, tgt: &Value, delimiter: &str, facts: &Facts<'_>) -> Result<bool, BadTarget> {
    Ok(Matcher::new(tgt_type, tgt, delimiter)?.matches(facts))
}

impl Matcher {
    /// Reads a target of one of Salt's types; an empty type is `glob`, an empty delimiter [`DELIMITER`].
    ///
    /// Node groups (`N@`) must be gone by now: a master [`expand`]s them.
    pub fn new(tgt_type: &str, tgt: &Value, delimiter: &str) -> Result<Self, BadTarget> {
        let delimiter = if delimiter.is_empty() { DELIMITER } else { delimiter };
        let text = |tgt_type, wanted| tgt.as_str().ok_or(BadTarget::Value { tgt_type, wanted });
        Ok(Self(match tgt_type {
            "glob" | "" => Expression::Glob(text("glob", "a text")?.to_owned()),
            "list" => Expression::List(list(tgt)?),
            "pcre" => Expression::Id(Pattern::new(text("pcre", "a regular expression")?, false)?),
            "grain" => Expression::Grain(Path::new(text("grain", "key:value")?, delimiter, How::Glob)?),
            "grain_pcre" => Expression::Grain(Path::new(text("grain_pcre", "key:value")?, delimiter, How::Regex)?),
            "pillar" => Expression::Pillar(Path::new(text("pillar", "key:value")?, delimiter, How::Glob)?),
            "pillar_pcre" => Expression::Pillar(Path::new(text("pillar_pcre", "key:value")?, delimiter, How::Regex)?),
            "pillar_exact" => Expression::Pillar(Path::new(text("pillar_exact", "key:value")?, delimiter, How::Exact)?),
            "ipcidr" => Expression::Network(Network::new(text("ipcidr", "an address or a network")?)?),
            "compound" => compound::read(tgt, How::Glob)?,
            "compound_pillar_exact" => compound::read(tgt, How::Exact)?,
            other => return Err(BadTarget::Type(other.to_owned())),
        }))
    }

    /// Whether the target means this minion. Of a minion whose facts are not known only what is true without them is.
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        self.decide(facts) == Some(true)
    }

    /// The same, with `None` for what depends on facts that are not known: whoever can get them may ask again.
    pub fn decide(&self, facts: &Facts<'_>) -> Option<bool> {
        self.0.holds(facts)
    }

    /// Whether the answer may depend on the grain, or the key of the pillar, of this name.
    pub fn reads(&self, source: Source, name: &str) -> bool {
        self.0.reads(source, name)
    }
}

impl Expression {
    fn reads(&self, source: Source, name: &str) -> bool {
        match self {
            Self::Glob(_) | Self::List(_) | Self::Id(_) => false,
            Self::Grain(path) => source == Source::Grains && path.reads(name),
            Self::Pillar(path) => source == Source::Pillar && path.reads(name),
            Self::Network(_) => source == Source::Grains && matches!(name, "ipv4" | "ipv6"),
            Self::Not(inner) => inner.reads(source, name),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.reads(source, name)),
        }
    }

    /// `None`: it depends on facts that are not known.
    fn holds(&self, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Self::Glob(pattern) => Some(glob::matches(pattern, facts.id)),
            Self::List(ids) => Some(ids.contains(facts.id)),
            Self::Id(pattern) => Some(pattern.matches(facts.id)),
            Self::Grain(path) => facts.grains.map(|grains| path.matches(grains)),
            Self::Pillar(path) => facts.pillar.map(|pillar| path.matches(pillar)),
            Self::Network(network) => facts.grains.map(|grains| network.matches(grains)),
            Self::Not(inner) => inner.holds(facts).map(|held| !held),
            Self::And(parts) => every(parts.iter().map(|part| part.holds(facts))),
            Self::Or(parts) => every(parts.iter().map(|part| part.holds(facts).map(|held| !held))).map(|held| !held),
        }
    }
}

/// Whether all hold: no as soon as one does not, else unknown as soon as one is.
fn every(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => all = None,
        }
    }
    all
}

/// Ids in a list, or in a text with commas between them.
fn list(tgt: &Value) -> Result<BTreeSet<String>, BadTarget> {
    match tgt {
        Value::String(ids) => Ok(split(ids)),
        Value::Array(ids) => Ok(ids.iter().filter_map(Value::as_str).map(|id| id.trim().to_owned()).collect()),
        _ => Err(BadTarget::Value { tgt_type: "list", wanted: "a list of ids" }),
    }
}

fn split(ids: &str) -> BTreeSet<String> {
    ids.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
