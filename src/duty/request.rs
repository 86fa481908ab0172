//! What a command line asks its master over the lane, and what comes back, part by part.
//!
//! A request is a message of kind `load` to share `local_cmd` of the main yard; every [`Reply`] is a message of kind
//! `return` to the yard that asked. `Started` comes first, then one `Returned` or `Missing` per minion in any order,
//! then `Ended`; or `Refused` alone. A looked-up job is told the same way from the master's memory.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::Name;
use crate::transport::Link;

/// A question to the master.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cmd", rename_all = "snake_case")]
pub enum Request {
    /// Run a function on minions.
    Publish(Publish),
    /// Is the master there? Answered with [`Reply::Here`].
    Ping,
    /// Which jobs are remembered? Answered with [`Reply::Jobs`].
    Jobs,
    /// Whom is the daemon connected with? Answered with [`Reply::Links`].
    Links,
    /// What became of a job? Answered as the job itself was; minions it still waits for are `Missing`.
    Lookup {
        /// Job id.
        jid: String,
    },
}

/// One job to publish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Publish {
    /// `module.function`.
    pub fun: String,
    /// Positional arguments.
    #[serde(default)]
    pub arg: Vec<Value>,
    /// Keyword arguments.
    #[serde(default)]
    pub kwargs: Map<String, Value>,
    /// Which minions.
    pub target: Target,
    /// What stands between the levels of a fact's path in the target, where it is not `:`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub delimiter: String,
    /// Seconds to wait for silent minions before asking them whether the job still runs.
    pub timeout: f64,
    /// Who asks, for the records.
    #[serde(default)]
    pub user: String,
}

/// Which minions a job is for: Salt's target types. Facts are those the master remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tgt_type", content = "tgt", rename_all = "snake_case")]
pub enum Target {
    /// Shell pattern: `*`, `?`, `[a-z]`, `[!x]`.
    Glob(String),
    /// These ids.
    List(Vec<String>),
    /// Regular expression, matched from the start of the id.
    Pcre(String),
    /// `key:pattern` of a grain.
    Grain(String),
    /// `key:expression` of a grain.
    GrainPcre(String),
    /// `key:pattern` of the pillar.
    Pillar(String),
    /// `key:expression` of the pillar.
    PillarPcre(String),
    /// An address or a network.
    Ipcidr(String),
    /// Several of these, with `and`, `or`, `not` and parentheses.
    Compound(String),
    /// A name of the master's settings.
    Nodegroup(String),
}

impl Target {
    /// Whether it asks for more than the id.
    pub fn needs_facts(&self) -> bool {
        !matches!(self, Self::Glob(_) | Self::List(_) | Self::Pcre(_))
    }
}

/// As in a compound target, where each kind has a letter.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glob(text) | Self::Compound(text) => f.write_str(text),
            Self::List(ids) => f.write_str(&ids.join(",")),
            Self::Pcre(text) => write!(f, "E@{text}"),
            Self::Grain(text) => write!(f, "G@{text}"),
            Self::GrainPcre(text) => write!(f, "P@{text}"),
            Self::Pillar(text) => write!(f, "I@{text}"),
            Self::PillarPcre(text) => write!(f, "J@{text}"),
            Self::Ipcidr(text) => write!(f, "S@{text}"),
            Self::Nodegroup(text) => write!(f, "N@{text}"),
        }
    }
}

/// A part of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum Reply {
    /// The job exists and is for these minions. None: nobody matched, and nothing follows but `Ended`.
    Started {
        /// Job id.
        jid: String,
        /// Sorted ids.
        minions: Vec<Name>,
    },
    /// A minion answered.
    Returned(Return),
    /// A minion will not answer.
    Missing {
        /// Job id.
        jid: String,
        /// The minion.
        id: Name,
        /// Why, as one sentence.
        why: String,
    },
    /// Everything has been said.
    Ended {
        /// Job id.
        jid: String,
    },
    /// The request was refused.
    Refused {
        /// Why and what to do next, as one sentence.
        why: String,
    },
    /// The master is here.
    Here {
        /// Its id.
        id: Name,
        /// Its version.
        version: String,
    },
    /// The sessions of the daemon's transport, by id.
    Links {
        /// One each.
        links: Vec<Link>,
    },
    /// The jobs the master remembers, oldest first.
    Jobs {
        /// One line each.
        jobs: Vec<Summary>,
    },
}

/// One remembered job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Job id.
    pub jid: String,
    /// `module.function`.
    pub fun: String,
    /// Which minions were meant.
    pub target: Target,
    /// Who asked.
    pub user: String,
    /// How many minions it was for.
    pub minions: usize,
    /// How many of them answered.
    pub returned: usize,
    /// Whether everything has been said.
    pub ended: bool,
}

/// What a minion returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Return {
    /// Job id.
    pub jid: String,
    /// The minion.
    pub id: Name,
    /// `module.function`.
    pub fun: String,
    /// The value.
    #[serde(rename = "return")]
    pub value: Value,
    /// 0 when all is well.
    #[serde(default)]
    pub retcode: i64,
    /// Whether the function ran and did what it was asked.
    #[serde(default)]
    pub success: bool,
}
