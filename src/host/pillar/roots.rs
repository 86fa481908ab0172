//! The directories of pillar files, by environment: names to files, and their texts. Nothing outside of the roots is ever
//! read, whatever a name or a symbolic link says, and nothing that is no plain file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::base::limits;

/// The environment that is always there.
pub(super) const BASE: &str = "base";
/// In the settings: the directories of whichever environment is asked for and has none of its own.
const ANY: &str = "__env__";

/// Each environment's directories, the first that has a file being the one that counts.
#[derive(Debug, Clone)]
pub(super) struct Roots(BTreeMap<String, Vec<PathBuf>>);

/// A file's text and where it is.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Roots {
    /// The directories of the settings.
    pub(super) fn new(roots: BTreeMap<String, Vec<PathBuf>>) -> Self {
        Self(roots)
    }

    /// The same, with the directories for any environment given to `wanted` where that has none.
    pub(super) fn with(&self, wanted: &str) -> Self {
        let mut roots = self.0.clone();
        if let Some(any) = roots.remove(ANY) {
            roots.entry(wanted.to_owned()).or_insert(any);
        }
        Self(roots)
    }

    /// The environments, `base` first.
    pub(super) fn environments(&self) -> impl Iterator<Item = &str> {
        let others = self.0.keys().map(String::as_str).filter(|name| *name != BASE);
        self.0.contains_key(BASE).then_some(BASE).into_iter().chain(others)
    }

    /// Whether there is such an environment.
    pub(super) fn has(&self, environment: &str) -> bool {
        self.0.contains_key(environment)
    }

    /// A file by its path below the roots, such as `web/init.sls`; `None` when there is none.
    pub(super) fn read(&self, environment: &str, relative: &str) -> Result<Option<Found>, (PathBuf, io::Error)> {
        if !is_below(relative) {
            return Ok(None);
        }
        for root in self.0.get(environment).into_iter().flatten() {
            let path = root.join(relative);
            match read_inside(root, &path) {
                Ok(text) => return Ok(Some(Found { path, text })),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(error) => return Err((path, error)),
            }
        }
        Ok(None)
    }

    /// A pillar file by its dotted name: `web.nginx` is `web/nginx.sls` or `web/nginx/init.sls`.
    pub(super) fn read_sls(
        &self,
        environment: &str,
        name: &str,
    ) -> Result<Option<(String, Found)>, (PathBuf, io::Error)> {
        let stem = name.replace('.', "/");
        for relative in [format!("{stem}.sls"), format!("{stem}/init.sls")] {
            if let Some(found) = self.read(environment, &relative)? {
                return Ok(Some((relative, found)));
            }
        }
        Ok(None)
    }

    /// The dotted names of all pillar files of an environment, sorted.
    pub(super) fn names(&self, environment: &str) -> Vec<String> {
        let mut names = Vec::new();
        for root in self.0.get(environment).into_iter().flatten() {
            let mut left = limits::PILLAR_FILES_LISTED;
            list(root, &mut String::new(), 0, &mut left, &mut names);
        }
        names.sort();
        names.dedup();
        names
    }
}

/// Whether a relative path goes down only.
fn is_below(relative: &str) -> bool {
    !relative.contains('\0') && relative.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// The text of a plain file that is really below `root`.
fn read_inside(root: &Path, path: &Path) -> io::Result<String> {
    let real = fs::canonicalize(path)?;
    if !real.starts_with(fs::canonicalize(root)?) {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "a symbolic link leads outside of the pillar's roots"));
    }
    if !fs::metadata(&real)?.is_file() {
        return Err(ErrorKind::NotFound.into());
    }
    let mut text = String::new();
    File::open(&real)?.take(limits::PILLAR_FILE as u64 + 1).read_to_string(&mut text)?;
    if text.len() > limits::PILLAR_FILE {
        return Err(ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

/// Adds the names below `dir`. Directories that are symbolic links are not looked into: they may lead in circles.
fn list(dir: &Path, prefix: &mut String, depth: usize, left: &mut usize, names: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if *left == 0 || depth > limits::PILLAR_DEPTH {
            return;
        }
        *left -= 1;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let length = prefix.len();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            prefix.push_str(&name);
            prefix.push('.');
            list(&entry.path(), prefix, depth + 1, left, names);
        } else if let Some(stem) = name.strip_suffix(".sls") {
            // `init.sls` has its directory's name.
            let own = if stem == "init" {
                prefix.strip_suffix('.').unwrap_or(stem).to_owned()
            } else {
                format!("{prefix}{stem}")
            };
            names.push(own);
        }
        prefix.truncate(length);
    }
}
