//! The mine: what minions leave with their master for each other (Salt's `mine.update`, `mine.get`). Owns one file a minion
//! below the cache directory; a minion writes its own only, and all accepted ones read them.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::base::target::{DELIMITER, Facts, Matcher};
use crate::base::{Name, limits};
use crate::host::library::encode;
use crate::host::settings::Settings;

/// What all minions left.
#[derive(Debug)]
pub struct Mine {
    dir: PathBuf,
    /// Where the keys of those who count lie: who was deleted or rejected has left nothing.
    accepted: PathBuf,
    /// Held while a file is replaced.
    writing: Mutex<()>,
}

impl Mine {
    /// Where the settings say.
    pub fn new(settings: &Settings) -> Self {
        Self {
            dir: settings.cachedir.join("mine"),
            accepted: settings.pki_dir.join("accepted"),
            writing: Mutex::default(),
        }
    }

    /// The answer to a request; none for one that is not about the mine.
    pub fn answer(&self, from: &Name, cmd: &str, load: &Map<String, Value>) -> Option<Bytes> {
        let done = |result: io::Result<bool>| {
            result.unwrap_or_else(|error| {
                tracing::warn!(%from, dir = %self.dir.display(), "the mine cannot be kept: {error}");
                false
            })
        };
        match cmd {
            "_mine" => encode(&done(self.put(from, load))),
            "_mine_delete" => encode(&done(self.delete(from, load))),
            "_mine_flush" => encode(&done(self.flush(from))),
            "_mine_get" => encode(&self.find(from, load)),
            _ => None,
        }
    }

    fn put(&self, from: &Name, load: &Map<String, Value>) -> io::Result<bool> {
        let Some(Value::Object(data)) = load.get("data") else { return Ok(false) };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_anew = load.get("clear").is_some_and(|clear| *clear != Value::Bool(false) && !clear.is_null());
        let mut kept = if is_anew { Map::new() } else { self.read(from).unwrap_or_default() };
        kept.extend(data.clone());
        self.write(from, &kept)
    }

    fn delete(&self, from: &Name, load: &Map<String, Value>) -> io::Result<bool> {
        let Some(fun) = load.get("fun").and_then(Value::as_str) else { return Ok(false) };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut kept) = self.read(from) else { return Ok(false) };
        if kept.remove(fun).is_some() { self.write(from, &kept) } else { Ok(true) }
    }

    fn flush(&self, from: &Name) -> io::Result<bool> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        match fs::remove_file(self.dir.join(from.as_str())) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(true),
        }
    }

    /// What the minions of a target left under one name, by id.
    fn find(&self, from: &Name, load: &Map<String, Value>) -> Map<String, Value> {
        let mut found = Map::new();
        let (Some(fun), Some(tgt)) = (load.get("fun").and_then(Value::as_str), load.get("tgt")) else { return found };
        let tgt_type = load.get("tgt_type").or_else(|| load.get("expr_form")).and_then(Value::as_str).unwrap_or("glob");
        // By exact pillar values only: a pattern would let a minion find out those of others.
        let tgt_type = match tgt_type.to_lowercase().as_str() {
            "pillar" => "pillar_exact".to_owned(),
            "compound" => "compound_pillar_exact".to_owned(),
            other => other.to_owned(),
        };
        let matcher = match Matcher::new(&tgt_type, tgt, DELIMITER) {
            Ok(matcher) => matcher,
            Err(why) => {
                tracing::info!("{from} asks for the mine of minions it does not name: {why}");
                return found;
            }
        };
        for id in self.ids() {
            let facts = Facts { id: id.as_str(), grains: None, pillar: None };
            if !matcher.matches(&facts) || !self.accepted.join(id.as_str()).is_file() {
                continue;
            }
            let data = self.read(&id).and_then(|mut kept| kept.remove(fun));
            if let Some(data) = data.filter(is_something) {
                found.insert(id.to_string(), data);
            }
        }
        found
    }

    /// Everybody who left something, sorted.
    fn ids(&self) -> Vec<Name> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().filter_map(Result::ok);
        let names = entries.filter_map(|entry| Name::new(entry.file_name().to_str()?).ok());
        let mut ids: Vec<_> = names.collect();
        ids.sort();
        ids
    }

    fn read(&self, id: &Name) -> Option<Map<String, Value>> {
        let mut bytes = Vec::new();
        let file = File::open(self.dir.join(id.as_str())).ok()?;
        file.take(limits::MINE_BYTES as u64 + 1).read_to_end(&mut bytes).ok()?;
        rmp_serde::from_slice(&bytes).ok()
    }

    /// Puts a new file in the old one's place.
    fn write(&self, id: &Name, kept: &Map<String, Value>) -> io::Result<bool> {
        let bytes = encode(kept).unwrap_or_default();
        let path = self.dir.join(id.as_str());
        if bytes.is_empty() || bytes.len() > limits::MINE_BYTES {
            tracing::warn!(%id, bytes = bytes.len(), most = limits::MINE_BYTES, "a minion's mine is too large");
            return Ok(false);
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        if !path.exists() && self.ids().len() >= limits::ESTATES {
            return Ok(false);
        }
        // No id begins with a dot.
        let new = self.dir.join(format!(".{id}"));
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&bytes)?;
        drop(file);
        fs::rename(&new, &path)?;
        Ok(true)
    }
}

/// What Python takes for true: Salt gives nothing else out.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::path::Path;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn mine(dir: &Path) -> Mine {
        fs::create_dir_all(dir.join("accepted")).unwrap();
        for id in ["web1", "web2", "db1"] {
            fs::write(dir.join("accepted").join(id), "").unwrap();
        }
        Mine { dir: dir.join("mine"), accepted: dir.join("accepted"), writing: Mutex::default() }
    }

    fn ask(mine: &Mine, from: &str, cmd: &str, load: Value) -> Value {
        let answer = mine.answer(&name(from), cmd, load.as_object().unwrap()).unwrap();
        rmp_serde::from_slice(&answer).unwrap()
    }

    #[test]
    fn kept_for_others_and_across_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let first = mine(dir.path());
        assert_eq!(
            ask(&first, "web1", "_mine", json!({"data": {"ip": ["10.0.0.1"], "none": []}, "id": "db1"})),
            json!(true)
        );
        assert_eq!(ask(&first, "web2", "_mine", json!({"data": {"ip": ["10.0.0.2"]}})), json!(true));
        assert_eq!(ask(&first, "gone", "_mine", json!({"data": {"ip": ["10.0.0.3"]}})), json!(true));
        let second = mine(dir.path());
        let get = |tgt: Value, tgt_type: &str, fun: &str| {
            ask(&second, "db1", "_mine_get", json!({"tgt": tgt, "tgt_type": tgt_type, "fun": fun}))
        };
        let all = json!({"web1": ["10.0.0.1"], "web2": ["10.0.0.2"]});
        assert_eq!(get(json!("*"), "glob", "ip"), all, "the one without a key has left nothing");
        assert_eq!(get(json!("web2, db1"), "list", "ip"), json!({"web2": ["10.0.0.2"]}));
        assert_eq!(get(json!(["web1"]), "list", "ip"), json!({"web1": ["10.0.0.1"]}));
        assert_eq!(get(json!("web[13]"), "pcre", "ip"), json!({"web1": ["10.0.0.1"]}));
        assert_eq!(get(json!("web* and not L@web1"), "compound", "ip"), json!({"web2": ["10.0.0.2"]}));
        assert_eq!(get(json!("*"), "glob", "none"), json!({}));
        assert_eq!(get(json!("*"), "no such", "ip"), json!({}));
        // Parts are added; `clear` begins anew.
        ask(&second, "web1", "_mine", json!({"data": {"os": "a"}}));
        assert_eq!(get(json!("web1"), "glob", "ip"), json!({"web1": ["10.0.0.1"]}));
        ask(&second, "web1", "_mine", json!({"data": {"os": "b"}, "clear": true}));
        assert_eq!(
            (get(json!("web1"), "glob", "ip"), get(json!("*"), "glob", "os")),
            (json!({}), json!({"web1": "b"}))
        );
        assert_eq!(ask(&second, "web2", "_mine_delete", json!({"fun": "ip"})), json!(true));
        assert_eq!(get(json!("*"), "glob", "ip"), json!({}));
        assert_eq!(ask(&second, "web1", "_mine_flush", json!({})), json!(true));
        assert_eq!(get(json!("*"), "glob", "os"), json!({}));
        assert_eq!(ask(&second, "web1", "_mine_delete", json!({"fun": "os"})), json!(false), "there is nothing");
    }

    #[test]
    fn a_mine_has_bounds() {
        let dir = tempfile::tempdir().unwrap();
        let mine = mine(dir.path());
        let long = "x".repeat(limits::MINE_BYTES);
        assert_eq!(ask(&mine, "web1", "_mine", json!({"data": {"a": long}})), json!(false));
        assert_eq!(ask(&mine, "web1", "_mine", json!({"data": 7})), json!(false));
        assert!(mine.ids().is_empty());
    }
}
