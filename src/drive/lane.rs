//! The lane's sockets: Unix datagrams at `<sock_dir>/<lane>.<yard>.uxd` (wire v0 §5).
//!
//! Who may talk is decided twice: by the modes of directory and socket, and by the user the kernel names with every
//! datagram. Meaning is [`crate::lane`]'s; here are only files, sockets and waiting.

use std::io;
use std::path::{Path, PathBuf};

use crate::base::Name;
use crate::lane::Unsendable;

mod client;
mod gate;
mod ground;
mod outbox;
mod port;
mod socket;

pub use client::LaneClient;
pub use port::LanePort;

/// The main yard of a daemon.
pub const MANOR: &str = "manor";

/// Why a lane cannot be used. Each says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// The path does not fit a socket address.
    #[error("the socket path {} has {length} bytes and the system allows {max}; set a shorter sock_dir", path.display(), max = socket::PATH_MAX)]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        length: usize,
    },
    /// The directory cannot be made or read.
    #[error("the socket directory {} cannot be used: {source}; check sock_dir and who owns it", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Anybody could pose as a daemon there.
    #[error("everybody may write in the socket directory {}; take that away (`chmod o-w`) or set another sock_dir", dir.display())]
    OpenToAll {
        /// The directory.
        dir: PathBuf,
    },
    /// A live daemon has this lane.
    #[error("another {daemon} runs on this root{}; stop it first, or give this one its own --root-dir", Pid(*pid))]
    Busy {
        /// `master` or `minion`.
        daemon: &'static str,
        /// Its process, when it said so.
        pid: Option<u32>,
    },
    /// Nobody listens.
    #[error("no {daemon} answers on {}; start it with `roadstead {daemon} -c FILE`", path.display())]
    NoDaemon {
        /// `master` or `minion`.
        daemon: &'static str,
        /// The socket that is not served.
        path: PathBuf,
    },
    /// The daemon we talked to is gone, and another has its place.
    #[error("the {daemon} was started anew meanwhile; ask again")]
    Restarted {
        /// `master` or `minion`.
        daemon: &'static str,
    },
    /// The files' modes forbid it.
    #[error(
        "you may not use {}; run this as root or as the daemon's user, or have your group let in: `chgrp GROUP DIR && chmod 3770 DIR` on its directory, then start the daemon again",
        path.display()
    )]
    Permission {
        /// The file or directory.
        path: PathBuf,
    },
    /// Somebody poses as the daemon.
    #[error(
        "{} belongs to user {user}, who is neither root, nor you, nor the owner of its directory; it is not used: remove it, and `chmod +t` the directory",
        path.display()
    )]
    Impostor {
        /// The socket.
        path: PathBuf,
        /// Whose it is.
        user: u32,
    },
    /// The message cannot be carried.
    #[error(transparent)]
    Message(#[from] Unsendable),
    /// The yard does not read and enough waits for it.
    #[error("the yard {yard} does not read; its message is dropped")]
    Full {
        /// The yard.
        yard: Name,
    },
    /// The yard is no more.
    #[error("the yard {yard} is gone")]
    Gone {
        /// The yard.
        yard: Name,
    },
    /// Something else of the system.
    #[error("the socket {} does not work: {source}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl LaneError {
    /// Whether this is the absence of a daemon.
    pub fn is_no_daemon(&self) -> bool {
        matches!(self, Self::NoDaemon { .. })
    }

    fn from_io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::Permission { path: path.to_owned() },
            _ => Self::Socket { path: path.to_owned(), source },
        }
    }
}

/// What a user calls the daemon of a lane: `<id>_minion` is a minion's (Salt over RAET §1).
fn daemon_of(lane: &Name) -> &'static str {
    if lane.as_str().ends_with("_minion") { "minion" } else { "master" }
}

struct Pid(Option<u32>);

impl std::fmt::Display for Pid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, " (pid {pid})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "lane/lane_tests.rs"]
mod tests;
