//! The directories files are served from: which file stands for a name, and what it is. Reads no file's content.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::wanted::Wanted;
use crate::base::glob;

/// The roots of every environment.
#[derive(Debug)]
pub(super) struct Roots {
    pub(super) dirs: BTreeMap<String, Vec<PathBuf>>,
    ignore: Vec<String>,
}

/// A file that is served.
#[derive(Debug)]
pub(super) struct Found {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its name below its root.
    pub(super) rel: String,
    pub(super) metadata: Metadata,
}

impl Roots {
    pub(super) fn new(dirs: BTreeMap<String, Vec<PathBuf>>, ignore: Vec<String>) -> Self {
        Self { dirs, ignore }
    }

    /// The file of this name in the first root that has it. Links are followed wherever they lead, as in Salt: who may put
    /// one into a root may put the file there as well.
    pub(super) fn find(&self, wanted: &Wanted) -> Option<Found> {
        let rel = wanted.path.to_str()?;
        for root in self.dirs.get(&wanted.saltenv)? {
            let path = root.join(&wanted.path);
            if let Ok(metadata) = fs::metadata(&path)
                && metadata.is_file()
                && !self.is_ignored(&path)
                && !self.is_ignored(&wanted.path)
            {
                return Some(Found { path, rel: rel.to_owned(), metadata });
            }
        }
        None
    }

    /// Whether a pattern of the operator's keeps it from everybody (`file_ignore_glob`).
    pub(super) fn is_ignored(&self, path: &Path) -> bool {
        if self.ignore.is_empty() {
            return false;
        }
        let text = path.to_string_lossy();
        self.ignore.iter().any(|pattern| glob::matches(pattern, &text))
    }
}

impl Found {
    /// As Salt's roots tell of it (`_file_find`).
    pub(super) fn describe(&self) -> Value {
        json!({"path": self.path.to_string_lossy(), "rel": self.rel, "back": "roots", "stat": self.stat()})
    }

    /// The ten numbers of Python's `os.stat`.
    pub(super) fn stat(&self) -> Value {
        let m = &self.metadata;
        json!([m.mode(), m.ino(), m.dev(), m.nlink(), m.uid(), m.gid(), m.size(), m.atime(), m.mtime(), m.ctime()])
    }
}
