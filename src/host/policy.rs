//! A master's admission policy from its settings and the files they name, read again when those change.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::host::settings::Settings;
use crate::master::Policy;

/// Where the policy comes from.
#[derive(Debug)]
pub struct PolicyFiles {
    open_mode: bool,
    auto_accept: bool,
    autosign: Option<PathBuf>,
    autoreject: Option<PathBuf>,
    seen: Vec<Option<(i64, i64, u64)>>,
}

/// Largest policy file read, bytes.
const FILE_MAX: u64 = 1 << 20;

impl PolicyFiles {
    /// As the settings say.
    pub fn new(settings: &Settings) -> Self {
        Self {
            open_mode: settings.open_mode,
            auto_accept: settings.auto_accept,
            autosign: settings.autosign_file.clone(),
            autoreject: settings.autoreject_file.clone(),
            seen: Vec::new(),
        }
    }

    /// The policy now.
    pub fn read(&mut self) -> Policy {
        self.seen = self.stamps();
        let patterns = |path: &Option<PathBuf>| path.as_deref().map(read_patterns).unwrap_or_default();
        Policy {
            open_mode: self.open_mode,
            auto_accept: self.auto_accept,
            autosign: patterns(&self.autosign),
            autoreject: patterns(&self.autoreject),
        }
    }

    /// The policy, if a file has changed since it was read last.
    pub fn read_if_changed(&mut self) -> Option<Policy> {
        (self.stamps() != self.seen).then(|| self.read())
    }

    fn stamps(&self) -> Vec<Option<(i64, i64, u64)>> {
        let stamp =
            |path: &Option<PathBuf>| fs::metadata(path.as_ref()?).ok().map(|m| (m.mtime(), m.mtime_nsec(), m.len()));
        vec![stamp(&self.autosign), stamp(&self.autoreject)]
    }
}

/// The lines of a pattern file. One that others may write decides about nobody's key.
fn read_patterns(path: &Path) -> Vec<String> {
    let read = || -> Result<Vec<String>, String> {
        let facts = fs::metadata(path).map_err(|error| error.to_string())?;
        if facts.mode() & 0o022 != 0 {
            return Err("others may write it; run `chmod go-w` on it".to_owned());
        }
        if facts.len() > FILE_MAX {
            return Err("it is larger than 1 MiB".to_owned());
        }
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        Ok(text.lines().map(|line| line.trim().to_owned()).collect())
    };
    read().unwrap_or_else(|why| {
        tracing::warn!(path = %path.display(), "pattern file left out: {why}");
        Vec::new()
    })
}
