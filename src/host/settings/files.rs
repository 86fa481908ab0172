//! The settings about files and states of a master, under Salt's names and with its defaults. What only minions act on is
//! passed on to them as it stands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::value::{self, Wanted};
use super::{SettingsError, Sheet};

/// The settings of a master that are about files.
pub(super) const KEYS: &[&str] = &[
    "file_roots",
    "file_buffer_size",
    "hash_type",
    "file_ignore_glob",
    "fileserver_followsymlinks",
    "fileserver_ignoresymlinks",
    "top_file_merging_strategy",
    "env_order",
    "default_top",
    "renderer",
    "failhard",
    "state_top",
    "state_top_saltenv",
    "state_auto_order",
    "state_events",
    "state_aggregate",
    "jinja_env",
    "jinja_sls_env",
    "jinja_lstrip_blocks",
    "jinja_trim_blocks",
];

/// As much of a file as one answer carries, bytes: longer answers come no faster from a master that gives them one by one.
const CHUNK: usize = 1 << 20;
/// What an operator may choose: at least one letter of any alphabet, at most what a message carries with ease.
const CHUNKS: std::ops::RangeInclusive<u64> = 1024..=32 << 20;

/// Which files a master serves, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct FileSettings {
    /// Directories by environment; of two files of one name that of the earlier directory is served.
    pub roots: BTreeMap<String, Vec<PathBuf>>,
    /// As much of a file as one answer carries, bytes.
    pub chunk: usize,
    /// How files are told apart.
    pub hash: HashType,
    /// Files nobody is served.
    pub ignore: Vec<String>,
    /// Whether lists go into directories behind symbolic links.
    pub follow_links: bool,
    /// Whether lists leave out symbolic links.
    pub ignore_links: bool,
    /// What minions are told of states (`_master_opts`), besides the environments.
    pub state_opts: Map<String, Value>,
}

/// A hash function for files, of those Salt knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HashType {
    /// Salt's default.
    Sha256,
    /// For minions set to it.
    Sha1,
    /// For minions set to it.
    Sha224,
    /// For minions set to it.
    Sha384,
    /// For minions set to it.
    Sha512,
}

impl HashType {
    const ALL: [Self; 5] = [Self::Sha256, Self::Sha1, Self::Sha224, Self::Sha384, Self::Sha512];

    /// As Salt and Python's hashlib call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// What `sheet` says, with paths below `root`.
pub(super) fn read(sheet: &Sheet<'_>, root: &Path) -> Result<FileSettings, SettingsError> {
    let roots = sheet.find("file_roots", roots)?;
    let roots = roots.unwrap_or_else(|| BTreeMap::from([("base".to_owned(), vec!["srv/salt".into()])]));
    let below = |paths: Vec<PathBuf>| paths.into_iter().map(|path| root.join(path)).collect();
    Ok(FileSettings {
        roots: roots.into_iter().map(|(saltenv, paths)| (saltenv, below(paths))).collect(),
        chunk: sheet.find("file_buffer_size", chunk)?.unwrap_or(CHUNK),
        hash: sheet.find("hash_type", hash)?.unwrap_or(HashType::Sha256),
        ignore: sheet.find("file_ignore_glob", texts)?.unwrap_or_default(),
        follow_links: sheet.find("fileserver_followsymlinks", value::truth)?.unwrap_or(true),
        ignore_links: sheet.find("fileserver_ignoresymlinks", value::truth)?.unwrap_or(false),
        state_opts: state_opts(sheet)?,
    })
}

fn state_opts(sheet: &Sheet<'_>) -> Result<Map<String, Value>, SettingsError> {
    type Read = fn(&Value) -> Result<Value, Wanted>;
    let truth: Read = |value| value::truth(value).map(Value::from);
    let opts: [(&'static str, Read, Value); 15] = [
        ("top_file_merging_strategy", text, json!("merge")),
        ("env_order", |value| texts(value).map(Value::from), json!([])),
        ("default_top", text, json!("base")),
        ("renderer", text, json!("yaml_jinja")),
        ("failhard", truth, json!(false)),
        ("state_top", text, json!("top.sls")),
        ("state_top_saltenv", text, Value::Null),
        ("nodegroups", groups, json!({})),
        ("state_auto_order", truth, json!(true)),
        ("state_events", truth, json!(false)),
        ("state_aggregate", aggregate, json!(false)),
        ("jinja_env", map, json!({})),
        ("jinja_sls_env", map, json!({})),
        ("jinja_lstrip_blocks", truth, json!(false)),
        ("jinja_trim_blocks", truth, json!(false)),
    ];
    let mut found = Map::new();
    for (key, read, default) in opts {
        found.insert(key.to_owned(), sheet.find(key, read)?.unwrap_or(default));
    }
    Ok(found)
}

/// An environment's name, as it stands in a minion's request.
fn is_saltenv(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_control() || c == '/')
}

/// Directories by environment.
pub(super) fn roots(value: &Value) -> Result<BTreeMap<String, Vec<PathBuf>>, Wanted> {
    let read = || -> Option<BTreeMap<_, _>> {
        let paths = |value: &Value| match value {
            // Of a map that names its environment and nothing in it.
            Value::Null => Some(Vec::new()),
            Value::String(_) => Some(vec![value::path(value).ok()?]),
            Value::Array(list) => list.iter().map(|path| value::path(path).ok()).collect(),
            _ => None,
        };
        let entry = |(name, value): (&String, &Value)| is_saltenv(name).then(|| Some((name.clone(), paths(value)?)))?;
        value.as_object()?.iter().map(entry).collect()
    };
    read().ok_or_else(|| "a map of environments to lists of directories, such as `base: [/srv/salt]`".into())
}

fn chunk(value: &Value) -> Result<usize, Wanted> {
    let size = value.as_u64().filter(|size| CHUNKS.contains(size)).and_then(|size| usize::try_from(size).ok());
    size.ok_or_else(|| format!("a number of bytes from {} to {}", CHUNKS.start(), CHUNKS.end()))
}

fn hash(value: &Value) -> Result<HashType, Wanted> {
    let name = value.as_str().map(str::to_lowercase);
    let found = HashType::ALL.into_iter().find(|hash| name.as_deref() == Some(hash.name()));
    found.ok_or_else(|| "sha256, sha1, sha224, sha384 or sha512, as in the settings of the minions".into())
}

fn text(value: &Value) -> Result<Value, Wanted> {
    value.as_str().map(Value::from).ok_or_else(|| "a text".into())
}

fn texts(value: &Value) -> Result<Vec<String>, Wanted> {
    let list = match value {
        Value::String(_) => std::slice::from_ref(value),
        Value::Array(list) => list.as_slice(),
        _ => &[Value::Null],
    };
    let texts: Option<Vec<_>> = list.iter().map(|text| text.as_str().map(str::to_owned)).collect();
    texts.ok_or_else(|| "a list of texts".into())
}

fn map(value: &Value) -> Result<Value, Wanted> {
    value.as_object().map(|map| Value::from(map.clone())).ok_or_else(|| "a map of names and values".into())
}

fn groups(value: &Value) -> Result<Value, Wanted> {
    if value.is_object() || value.is_array() { Ok(value.clone()) } else { Err("a map of names and targets".into()) }
}

fn aggregate(value: &Value) -> Result<Value, Wanted> {
    if value.is_array() { texts(value).map(Value::from) } else { value::truth(value).map(Value::from) }
}
