//! What can be wrong with settings, each as one sentence with the file, the line and what to do.

use std::io;
use std::path::PathBuf;

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file could not be read.
    #[error("cannot read the settings {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is no YAML map.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Yaml {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// From 1.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// A setting nobody knows.
    #[error("{}:{line}: unknown setting '{key}'{}", path.display(),
        nearest.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// As written.
        key: String,
        /// The known setting that looks most like it.
        nearest: Option<&'static str>,
    },
    /// A value of the wrong type, or out of its range.
    #[error("{}:{line}: '{key}' must be {wanted}, not {found}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// The setting.
        key: &'static str,
        /// What it takes.
        wanted: String,
        /// What is there.
        found: String,
    },
    /// A minion that does not know its master.
    #[error("a minion must know its master: add `master: HOST` to {}", path.display())]
    NoMaster {
        /// The file.
        path: PathBuf,
    },
    /// The host has no name that could serve as the id.
    #[error("this host's name ('{host}') cannot serve as an id: {why}; add `id: NAME` to {}", path.display())]
    HostName {
        /// The file to add an id to.
        path: PathBuf,
        /// What the system calls this host.
        host: String,
        /// What is wrong with it.
        why: String,
    },
}
