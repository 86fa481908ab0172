//! The directory a daemon's socket stands in: made, checked, locked for one daemon per lane, cleared of dead sockets.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

use super::{LaneError, daemon_of, socket};
use crate::base::Name;
use crate::lane::names;

/// The right to serve a lane; held as long as the daemon lives, freed by the kernel when it dies.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Prepares `dir` for the daemon of `lane`.
pub(super) fn claim(dir: &Path, lane: &Name) -> Result<Lock, LaneError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::PermissionDenied => LaneError::Permission { path: dir.to_owned() },
        _ => LaneError::Directory { dir: dir.to_owned(), source },
    };
    if !dir.exists() {
        // Only the last one is closed to others: a group may be let into it, and must get there.
        let above = dir.parent().map_or(Ok(()), std::fs::create_dir_all);
        above.and_then(|()| DirBuilder::new().mode(0o750).create(dir)).map_err(failed)?;
    }
    if std::fs::metadata(dir).map_err(failed)?.mode() & 0o002 != 0 {
        return Err(LaneError::OpenToAll { dir: dir.to_owned() });
    }
    let lock = lock(&dir.join(format!("{lane}.lock")), lane).map_err(|e| e.unwrap_or_else(failed))?;
    sweep(dir, lane).map_err(|e| e.unwrap_or_else(failed))?;
    Ok(lock)
}

/// An error of ours, or one of the system still to be named.
enum Failed {
    Named(LaneError),
    System(io::Error),
}

impl Failed {
    fn unwrap_or_else(self, name: impl FnOnce(io::Error) -> LaneError) -> LaneError {
        match self {
            Self::Named(error) => error,
            Self::System(error) => name(error),
        }
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

fn lock(path: &Path, lane: &Name) -> Result<Lock, Failed> {
    let mut open = OpenOptions::new();
    open.read(true).write(true).create(true).truncate(false).mode(0o640).custom_flags(OFlag::O_NOFOLLOW.bits());
    let mut file = open.open(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _ = file.take(20).read_to_string(&mut text);
            return Err(Failed::Named(LaneError::Busy { daemon: daemon_of(lane), pid: text.trim().parse().ok() }));
        }
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    // The file stays when we end: removing it could take a successor's lock away.
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Lock { _file: file })
}

/// Removes the lane's sockets nobody listens on. Under the lock a live main yard is a foreign daemon's.
fn sweep(dir: &Path, lane: &Name) -> Result<(), Failed> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let file_name = entry.file_name();
        let Some((_, yard)) = file_name.to_str().and_then(names).filter(|(of, _)| of == lane) else { continue };
        match socket::probe(&entry.path()) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                tracing::debug!(%yard, "a dead yard's socket is removed");
                std::fs::remove_file(entry.path())?;
            }
            Ok(()) if yard.as_str() == super::MANOR => {
                return Err(Failed::Named(LaneError::Busy { daemon: daemon_of(lane), pid: None }));
            }
            _ => {}
        }
    }
    Ok(())
}
