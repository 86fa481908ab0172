//! The file server: what a minion of Salt asks for files and states (Salt over RAET §6). Owns which minion can take which
//! file; where files are, what is in them and how they are cut is told by its parts.
//!
//! A Salt minion's main process packs every answer anew as text before it hands it on, and the job writes that text as it
//! came: under Python 2 only ASCII survives, under Python 3 UTF-8. A file that would not is told of as if it were not there,
//! so that the job ends with an answer, and the log says why. Whoever asks with `bin: true` gets bytes, and every file.

mod chunk;
mod digest;
mod listing;
mod roots;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::base::{Name, limits};
use crate::clock::Clock;
use crate::host::library::encode;
use crate::host::settings::FileSettings;
use chunk::{Form, Piece};
use digest::{Content, Digest, Digests};
use listing::{Listings, Lists};
use roots::{Found, Roots};
use wanted::Wanted;

/// Pairs of minion and file whose mismatch was logged; then it is logged again.
const TOLD: usize = 10_000;

/// All files a master serves.
#[derive(Debug)]
pub struct FileServer {
    settings: FileSettings,
    roots: Roots,
    digests: Digests,
    listings: Listings,
    /// Major versions of the Pythons that minions run.
    pythons: Mutex<BTreeMap<Name, u64>>,
    told: Mutex<BTreeSet<(Name, PathBuf)>>,
}

impl FileServer {
    /// As the settings say.
    pub fn new(settings: &FileSettings, clock: Clock) -> Self {
        let roots = Roots::new(settings.roots.clone(), settings.ignore.clone());
        Self {
            listings: Listings::new(&roots, settings.follow_links, settings.ignore_links, clock),
            digests: Digests::new(settings.hash, clock),
            settings: settings.clone(),
            roots,
            pythons: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// A minion told what it is.
    pub fn on_grains(&self, id: &Name, grains: &Map<String, Value>) {
        let version = grains.get("pythonversion").and_then(|version| version.get(0)).and_then(Value::as_u64);
        let mut pythons = self.pythons.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(version) = version
            && (pythons.len() < limits::ESTATES || pythons.contains_key(id))
        {
            pythons.insert(id.clone(), version);
        }
    }

    /// The answer to a request; none for one that is not about files.
    pub fn answer(&self, from: &Name, cmd: &str, load: &Map<String, Value>) -> Option<Bytes> {
        let peer = Peer { id: from, most: self.most(from, load) };
        match cmd {
            "_master_opts" => encode(&self.master_opts(load)),
            "_file_envs" => encode(&self.roots.dirs.keys().collect::<Vec<_>>()),
            "_file_list" => encode(&starting(&self.lists(load).files, load)),
            "_file_list_emptydirs" => encode(&starting(&self.lists(load).empty_dirs, load)),
            "_dir_list" => encode(&starting(&self.lists(load).dirs, load)),
            "_symlink_list" => {
                let (lists, prefix) = (self.lists(load), prefix(load));
                encode(&lists.links.iter().filter(|(name, _)| name.starts_with(prefix)).collect::<BTreeMap<_, _>>())
            }
            "_file_hash" => encode(&self.hash(peer, load).0),
            "_file_hash_and_stat" => encode(&self.hash(peer, load)),
            "_file_find" => encode(&self.find(peer, load).map_or_else(missing, |found| found.0.describe())),
            "_serve_file" => Some(self.piece(peer, load)),
            // No tops from outside: a minion asks under either name.
            "_ext_nodes" | "_master_tops" => encode(&Map::new()),
            "_file_recv" => encode(&false),
            _ => None,
        }
    }

    /// The most a peer can take; none: anything.
    fn most(&self, id: &Name, load: &Map<String, Value>) -> Option<Content> {
        if load.get("bin") == Some(&Value::Bool(true)) {
            return None;
        }
        let python = self.pythons.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied();
        Some(if python.is_some_and(|version| version >= 3) { Content::Text } else { Content::Ascii })
    }

    fn master_opts(&self, load: &Map<String, Value>) -> Map<String, Value> {
        let envs = self.roots.dirs.keys().map(|saltenv| (saltenv.clone(), json!([]))).collect::<Map<_, _>>();
        let mut opts = Map::from_iter([("file_roots".to_owned(), Value::Object(envs))]);
        let is_short = load.get("env_only").is_some_and(|flag| *flag != Value::Bool(false) && !flag.is_null());
        for (key, value) in &self.settings.state_opts {
            if !is_short || matches!(key.as_str(), "top_file_merging_strategy" | "env_order" | "default_top") {
                opts.insert(key.clone(), value.clone());
            }
        }
        opts
    }

    fn lists(&self, load: &Map<String, Value>) -> Arc<Lists> {
        wanted::saltenv(load, None).map_or_else(Arc::default, |saltenv| self.listings.of(&self.roots, saltenv))
    }

    /// The file a request is about, if there is one and the peer can take it.
    fn find(&self, peer: Peer<'_>, load: &Map<String, Value>) -> Option<(Found, Digest)> {
        let found = self.roots.find(&Wanted::of(load)?)?;
        let digest = match self.digests.of(&found.path, &found.metadata) {
            Ok(digest) => digest,
            Err(error) => {
                tracing::warn!(path = %found.path.display(), "a file of the file server cannot be read: {error}");
                return None;
            }
        };
        if peer.most.is_some_and(|most| digest.content > most) {
            self.tell(peer, &found, digest.content);
            return None;
        }
        Some((found, digest))
    }

    fn hash(&self, peer: Peer<'_>, load: &Map<String, Value>) -> (Value, Value) {
        // An empty text, and nothing else, is to a minion that there is no such file.
        let Some((found, digest)) = self.find(peer, load) else { return (json!(""), Value::Null) };
        (json!({"hsum": digest.hash, "hash_type": self.settings.hash.name()}), found.stat())
    }

    fn piece(&self, peer: Peer<'_>, load: &Map<String, Value>) -> Bytes {
        let Some(loc) = load.get("loc").and_then(Value::as_u64) else { return chunk::nothing() };
        // Behind the first piece something was there.
        let otherwise = || if loc == 0 { chunk::nothing() } else { chunk::broken() };
        let Some((found, _)) = self.find(peer, load) else { return otherwise() };
        let form = peer.most.map_or(Form::Bin, Form::Raw);
        let piece = File::open(&found.path)
            .and_then(|mut file| chunk::read(&mut file, loc, self.settings.chunk, form, &found.rel));
        match piece {
            Ok(Piece::Answer(answer)) => answer,
            Ok(Piece::Unfit) => {
                self.tell(peer, &found, Content::Binary);
                otherwise()
            }
            Err(error) => {
                tracing::warn!(path = %found.path.display(), "a file of the file server cannot be read: {error}");
                otherwise()
            }
        }
    }

    /// Says in the log why a minion does not get a file.
    fn tell(&self, peer: Peer<'_>, found: &Found, content: Content) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= TOLD {
            told.clear();
        }
        if !told.insert((peer.id.clone(), found.path.clone())) {
            return;
        }
        let (minion, file) = (peer.id, &found.rel);
        match (content, peer.most) {
            (Content::Text, _) => tracing::warn!(
                "{minion} wants the file '{file}' and cannot have it: it has letters beyond ASCII, which a Salt minion under \
                 Python 2 cannot take from any master over RAET"
            ),
            _ => tracing::warn!(
                "{minion} wants the file '{file}' and cannot have it: it is not UTF-8 text, and a Salt minion takes nothing \
                 else from any master over RAET; serve it over HTTP, or as base64 text for its `file.decode`"
            ),
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
struct Peer<'a> {
    id: &'a Name,
    /// The most it can take; none: anything.
    most: Option<Content>,
}

/// What Salt's roots tell of a file that is not there.
fn missing() -> Value {
    json!({"path": "", "rel": ""})
}

fn prefix(load: &Map<String, Value>) -> &str {
    load.get("prefix").and_then(Value::as_str).unwrap_or_default().trim_matches('/')
}

fn starting<'a>(names: &'a BTreeSet<String>, load: &Map<String, Value>) -> Vec<&'a String> {
    let prefix = prefix(load);
    names.iter().filter(|name| name.starts_with(prefix)).collect()
}

#[cfg(test)]
mod tests;
