//! What can be wrong with the keep on disk, each as one sentence that names the file and what to do.

use std::io;
use std::path::PathBuf;

use crate::base::Name;
use crate::keep::format::BadFile;

/// Why a key or estate file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What we wanted: `read`, `write`, …
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The content makes no sense.
    #[error("{}: {source}; move it away or restore it from a backup", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: BadFile,
    },
    /// The file speaks of another role or estate than its own name.
    #[error("{}: holds the entry of '{role}'; name the file after it or remove it", path.display())]
    Misfiled {
        /// The file.
        path: PathBuf,
        /// Whom it speaks of.
        role: Name,
    },
    /// The file's name is none that a role or estate can have.
    #[error("{}: no role or estate can have this name; move it away", path.display())]
    BadName {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else may read a secret, or change what we trust.
    #[error("{}: others may {can} it (mode {mode:04o}); run `chmod {advice:o} {}`", path.display(), path.display())]
    Open {
        /// The file or directory.
        path: PathBuf,
        /// `read` or `change`.
        can: &'static str,
        /// The mode found.
        mode: u32,
        /// The mode wanted.
        advice: u32,
    },
    /// A file of another user.
    #[error(
        "{}: owned by user {found}, not by {wanted} who owns the key directory; run `chown {wanted} {}`",
        path.display(), path.display()
    )]
    Foreign {
        /// The file or directory.
        path: PathBuf,
        /// Its owner.
        found: u32,
        /// The owner of the key directory.
        wanted: u32,
    },
    /// A directory, a pipe, or a link where a plain file should be.
    #[error("{}: not a plain file", path.display())]
    NotPlain {
        /// What it is about.
        path: PathBuf,
    },
    /// There is a key already.
    #[error("{}: there is a key already; it is only replaced when forced", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A role gets no new standing while nobody can tell which one it has.
    #[error("the key of '{role}' stays as it is, for what is kept of it cannot be read: {why}")]
    Blocked {
        /// The role.
        role: Name,
        /// What is wrong, and with which file.
        why: Box<KeepError>,
    },
    /// Keys of another transport.
    #[error(
        "{}: keys of a Salt daemon on ZeroMQ ({file}), which RAET cannot use; give the pki_dir of one with `transport: raet`, \
         or start `roadstead` with new keys",
        path.display()
    )]
    ZeroMq {
        /// The directory.
        path: PathBuf,
        /// What gave it away.
        file: String,
    },
    /// Nothing of Salt's.
    #[error("{}: no keys of a Salt RAET daemon (there is no local.key); give its pki_dir", path.display())]
    NoSalt {
        /// The directory.
        path: PathBuf,
    },
    /// Opened for keys only.
    #[error("this keep was opened without a directory for estates")]
    NoEstates,
}

impl KeepError {
    /// Whether another user could do it.
    pub fn is_permission(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}
