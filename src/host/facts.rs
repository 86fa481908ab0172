//! What minions told of themselves, on disk: one file each below the cache directory, so that a master that starts again can
//! target them before they ask again. Owns the files and the thread that writes them; knows nothing of what is in them.
//!
//! It is a cache: a file that is lost is told again with the minion's next request, so none is forced to the disk.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use bytes::Bytes;

use crate::base::{Name, limits};

/// Largest file read: the facts, the key's fingerprint and their names.
const FILE_MAX: u64 = (limits::GRAINS_BYTES + limits::PILLAR_REMEMBERED + 256) as u64;

/// The files of a master.
#[derive(Debug)]
pub struct FactFiles {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What is to be written, or removed: the latest for each minion, so never more than there are minions.
    waiting: BTreeMap<Name, Option<Bytes>>,
    closed: bool,
}

impl FactFiles {
    /// The files below a cache directory. Nothing is touched yet.
    pub fn new(cachedir: &Path) -> Self {
        let shared = Shared { dir: cachedir.join("minions"), state: Mutex::default(), wake: Condvar::new() };
        Self { shared: Arc::new(shared), writer: Mutex::default() }
    }

    /// What is kept of the minions that are `known`. The files of others are removed.
    pub fn load(&self, known: impl Fn(&Name) -> bool) -> Vec<(Name, Bytes)> {
        let Ok(entries) = fs::read_dir(&self.shared.dir) else { return Vec::new() };
        let mut facts = Vec::new();
        for entry in entries.flatten().take(limits::ESTATES) {
            let Some(id) = entry.file_name().to_str().and_then(|name| Name::new(name).ok()) else { continue };
            if !known(&id) {
                let _ = fs::remove_file(entry.path());
                continue;
            }
            match read(&entry.path()) {
                Ok(bytes) => facts.push((id, bytes)),
                Err(error) => tracing::warn!(path = %entry.path().display(), "facts left out: {error}"),
            }
        }
        facts
    }

    /// Keeps a minion's facts, or forgets them, in a moment. Never blocks.
    pub fn put(&self, id: Name, facts: Option<Bytes>) {
        self.shared.state().waiting.insert(id, facts);
        self.shared.wake.notify_one();
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.is_none() {
            let shared = self.shared.clone();
            let name = "facts".to_owned();
            match thread::Builder::new().name(name).spawn(move || shared.write_all()) {
                Ok(handle) => *writer = Some(handle),
                Err(error) => tracing::warn!("facts of minions are not kept: {error}"),
            }
        }
    }
}

impl Drop for FactFiles {
    /// Writes what still waits.
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.wake.notify_all();
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = writer.join();
        }
    }
}

impl Shared {
    /// The writer's life.
    fn write_all(&self) {
        let mut state = self.state();
        loop {
            match state.waiting.pop_first() {
                Some((id, facts)) => {
                    drop(state);
                    if let Err(error) = self.write(&id, facts.as_deref()) {
                        let dir = self.dir.display();
                        tracing::warn!(%id, "its facts cannot be kept in {dir} and are lost at the next start: {error}");
                    }
                    state = self.state();
                }
                None if state.closed => return,
                None => state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn write(&self, id: &Name, facts: Option<&[u8]>) -> io::Result<()> {
        let path = self.dir.join(id.as_str());
        let Some(facts) = facts else {
            return fs::remove_file(path)
                .or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) });
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        // No id begins with a dot.
        let new = self.dir.join(format!(".{id}"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(facts)?;
        fs::rename(new, path)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> io::Result<Bytes> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_MAX { Err(ErrorKind::FileTooLarge.into()) } else { Ok(bytes.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_was_put_last_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let name = |text| Name::new(text).unwrap();
        let files = FactFiles::new(dir.path());
        assert_eq!(files.load(|_| true), []);
        for n in 0..50u8 {
            files.put(name("web1"), Some(vec![n].into()));
            files.put(name("web2"), Some(vec![n; 3].into()));
        }
        files.put(name("web2"), None);
        files.put(name("gone"), Some(vec![1].into()));
        drop(files);
        let files = FactFiles::new(dir.path());
        let own = dir.path().join("minions");
        fs::write(own.join("large"), vec![0; FILE_MAX as usize + 1]).unwrap();
        fs::create_dir(own.join("dir")).unwrap();
        assert_eq!(files.load(|id| id.as_str() != "gone"), [(name("web1"), vec![49].into())]);
        assert!(!own.join("gone").exists() && !own.join("web2").exists());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&own), mode(&own.join("web1"))), (0o700, 0o600));
    }
}
