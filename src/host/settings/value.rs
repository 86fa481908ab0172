//! YAML values to what a setting wants; each reader says what it takes when it is given something else.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use tracing::level_filters::LevelFilter;

use crate::base::limits::ID_MAX;
use crate::base::target::Groups;
use crate::base::{Fingerprint, Name};
use crate::nacl::Suite;
use crate::road::Wires;
use crate::road::v1::window::Algorithm;

/// More threads than any fleet of one master has use for.
const SHARDS_MAX: u32 = 64;

/// What the setting takes, as the end of "must be …".
pub(super) type Wanted = String;

/// A description of a value for people.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text '{}'", text.escape_debug()),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a map".into(),
    }
}

pub(super) fn truth(value: &Value) -> Result<bool, Wanted> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Ok(true),
            "false" | "no" | "off" => Ok(false),
            _ => Err("True or False".into()),
        },
        _ => Err("True or False".into()),
    }
}

/// A port to listen on; 0 lets the system choose.
pub(super) fn own_port(value: &Value) -> Result<u16, Wanted> {
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
    port.ok_or_else(|| "a port number up to 65535".into())
}

pub(super) fn port(value: &Value) -> Result<u16, Wanted> {
    own_port(value).ok().filter(|port| *port != 0).ok_or_else(|| "a port number from 1 to 65535".into())
}

pub(super) fn shards(value: &Value) -> Result<u32, Wanted> {
    let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
    count.filter(|count| (1..=SHARDS_MAX).contains(count)).ok_or_else(|| {
        format!(
            "the number of threads that carry messages: 1, or up to {SHARDS_MAX} on a host with more cores than two"
        )
    })
}

pub(super) fn interface(value: &Value) -> Result<IpAddr, Wanted> {
    let ip = value.as_str().and_then(|text| text.parse().ok());
    ip.ok_or_else(|| "an IP address of this host, such as 0.0.0.0 for all of them".into())
}

pub(super) fn id(value: &Value) -> Result<Name, Wanted> {
    let Some(text) = value.as_str() else { return Err("a text; put it in quotes".into()) };
    legal_id(text).map_err(|why| format!("a legal id ({why})"))
}

/// An id from `text`, or why it is none.
pub(super) fn legal_id(text: &str) -> Result<Name, String> {
    if text.len() > ID_MAX {
        return Err(format!("an id has at most {ID_MAX} bytes"));
    }
    Name::new(text).map_err(|why| why.to_string())
}

/// A host name or address, alone or as the only one of a list.
pub(super) fn master(value: &Value) -> Result<String, Wanted> {
    let text = match value {
        Value::String(text) => text,
        Value::Array(list) => match list.as_slice() {
            [Value::String(text)] => text,
            _ => return Err("one host: several masters are not supported".into()),
        },
        _ => return Err("a host name or an IP address".into()),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if text.parse::<IpAddr>().is_ok() || (!text.is_empty() && text.chars().all(plain)) {
        return Ok(text.clone());
    }
    match text.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => {
            Err(format!("a host name or an IP address alone; write `master: {host}` and `master_port: {port}`"))
        }
        _ => Err("a host name or an IP address".into()),
    }
}

pub(super) fn path(value: &Value) -> Result<PathBuf, Wanted> {
    match value.as_str() {
        Some(text) if !text.is_empty() && !text.contains('\0') => Ok(text.into()),
        _ => Err("a path".into()),
    }
}

pub(super) fn root(value: &Value) -> Result<PathBuf, Wanted> {
    path(value).ok().filter(|path| path.is_absolute()).ok_or_else(|| "a path that begins with '/'".into())
}

pub(super) fn user(value: &Value) -> Result<String, Wanted> {
    match value.as_str() {
        Some(text) if !text.is_empty() && !text.contains([':', '/', '\0', '\n']) => Ok(text.into()),
        _ => Err("the name of a user".into()),
    }
}

/// Salt's level names: its finest ones are our finest.
pub(super) fn level(value: &Value) -> Result<LevelFilter, Wanted> {
    match value.as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("quiet") => Ok(LevelFilter::OFF),
        Some("critical" | "error") => Ok(LevelFilter::ERROR),
        Some("warning") => Ok(LevelFilter::WARN),
        Some("info" | "profile") => Ok(LevelFilter::INFO),
        Some("debug") => Ok(LevelFilter::DEBUG),
        Some("trace" | "garbage" | "all") => Ok(LevelFilter::TRACE),
        _ => Err("one of quiet, error, warning, info, debug, trace".into()),
    }
}

/// `None` for Salt's default, an empty text.
pub(super) fn fingerprint(value: &Value) -> Result<Option<Fingerprint>, Wanted> {
    let print = match value.as_str() {
        Some("") => return Ok(None),
        Some(text) => text.parse().ok(),
        None => None,
    };
    let wanted = "the master's fingerprint as `estate-keys finger` shows it on the master";
    print.map(Some).ok_or_else(|| wanted.into())
}

pub(super) fn seconds(value: &Value) -> Result<Duration, Wanted> {
    // A year: longer is a slip, and no sum of times can overflow.
    let seconds = value.as_f64().filter(|seconds| (0.001..=31_536_000.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "a number of seconds above 0".into())
}

pub(super) fn grains(value: &Value) -> Result<Map<String, Value>, Wanted> {
    value.as_object().cloned().ok_or_else(|| "a map of names and values".into())
}

/// Node groups: each a target expression, or a list of its words.
pub(super) fn groups(value: &Value) -> Result<Groups, Wanted> {
    let words = |group: &Value| match group {
        Value::String(text) => Some(text.split_whitespace().map(str::to_owned).collect()),
        Value::Array(words) => words.iter().map(|word| word.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    let group = |(name, group): (&String, &Value)| Some((name.clone(), words(group)?));
    let read = || -> Option<Groups> {
        match value {
            Value::Object(map) => map.iter().map(group).collect(),
            // One map each, as Salt takes them too.
            Value::Array(maps) => maps.iter().map(|map| map.as_object()?.iter().next().and_then(group)).collect(),
            _ => None,
        }
    };
    read().ok_or_else(|| "a map of names, each with a target expression or a list of its words".into())
}

pub(super) fn transport(value: &Value) -> Result<(), Wanted> {
    match value.as_str() {
        Some("raet") => Ok(()),
        _ => Err("raet, the only transport of this version".into()),
    }
}

/// Which wires the road speaks.
pub(super) fn wires(value: &Value) -> Result<Wires, Wanted> {
    let chosen = choices(value, &["fast", "classic"]).ok_or("[fast], [fast, classic] or [classic]")?;
    Ok(Wires { fast: chosen.contains(&0), classic: chosen.contains(&1) })
}

/// The ciphers that may seal the fast wire's packets, best first.
pub(super) fn ciphers(value: &Value) -> Result<Vec<Suite>, Wanted> {
    let chosen = choices(value, &Suite::ALL.map(Suite::name));
    let chosen = chosen.ok_or("a list of aes-256-gcm, nacl or both, best first")?;
    Ok(chosen.into_iter().filter_map(|at| Suite::ALL.get(at).copied()).collect())
}

pub(super) fn congestion(value: &Value) -> Result<Algorithm, Wanted> {
    match value.as_str() {
        Some("bbr") => Ok(Algorithm::Bbr),
        Some("cubic") => Ok(Algorithm::Cubic),
        _ => Err("bbr or cubic".into()),
    }
}

/// The places of the named ones in `names`, in the order written; none for an empty list, a stranger or one named twice.
fn choices(value: &Value, names: &[&str]) -> Option<Vec<usize>> {
    let list = match value {
        // One alone needs no brackets.
        Value::String(_) => std::slice::from_ref(value),
        Value::Array(list) => list.as_slice(),
        _ => return None,
    };
    let mut chosen = Vec::new();
    for entry in list {
        let at = names.iter().position(|name| entry.as_str() == Some(name))?;
        if chosen.contains(&at) {
            return None;
        }
        chosen.push(at);
    }
    (!chosen.is_empty()).then_some(chosen)
}
