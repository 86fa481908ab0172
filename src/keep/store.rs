//! The keep on disk: our own key, the key of every role in the directory that is its standing, and the estates between
//! two starts (wire v0 §7). The one place of this floor that touches files; what is in them is `format`'s business.

mod disk;
mod error;
mod journal;
mod salt;
mod seen;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use disk::{Lasting, Link, Owner};
pub use error::KeepError;
pub use salt::{SaltKeep, SaltReading};

use super::record::{Change, LocalRecord, RemoteRecord};
use super::role::{OwnKeys, RoleKey};
use super::{Roll, format};
use crate::base::{Acceptance, Name};

/// The key and estate files of one master or minion.
///
/// A master, `estate-keys` and an operator's `mv` may work on the same files at the same time: every write is a new file
/// moved into place, and no file is ever changed where it is.
#[derive(Debug)]
pub struct Store {
    pki_dir: PathBuf,
    estate_dir: Option<PathBuf>,
    /// Who owns `pki_dir`: the user the daemon runs as. What another user running us creates goes to this one.
    owner: Owner,
    /// The good role files as last read, each with its mark: checking a key's curve points costs far more than a look at
    /// its file, and every knock of a stranger makes a daemon load the roll again.
    read: Mutex<Known>,
}

/// Role files by place, with the mark each had when it was read.
type Known = BTreeMap<(Acceptance, Name), (u64, RoleKey)>;

/// What the key directories held when they were read.
#[derive(Debug, Default)]
pub struct Reading {
    /// The roles with their keys and standing.
    pub roll: Roll,
    /// Roles that have a file but none that can be read: known, with a standing nobody can tell.
    pub blocked: BTreeSet<Name>,
    /// What is wrong with the files that are none. They are left as they are.
    pub errors: Vec<KeepError>,
}

/// A mark of the state of the key files: another one means that something changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(u64);

/// The standings, strictest first: a role found in two directories, as a crash in the middle of a move leaves it, has the
/// stricter one.
const STANDINGS: [Acceptance; 3] = [Acceptance::Rejected, Acceptance::Pending, Acceptance::Accepted];

impl Store {
    /// Opens the keep, creating the directories that are missing (mode 0700). Refuses directories that others may write.
    pub fn open(pki_dir: &Path, estate_dir: Option<&Path>) -> Result<Self, KeepError> {
        let owner = disk::make_dir(pki_dir, None)?;
        for standing in STANDINGS {
            disk::make_dir(&pki_dir.join(standing.to_string()), Some(owner))?;
        }
        for name in [seen::FAST, tokens::TOKENS] {
            disk::make_dir(&pki_dir.join(name), Some(owner))?;
        }
        if let Some(estate_dir) = estate_dir {
            disk::make_dir(estate_dir, Some(owner))?;
            disk::make_dir(&estate_dir.join("local"), Some(owner))?;
            disk::make_dir(&estate_dir.join("remote"), Some(owner))?;
        }
        let estate_dir = estate_dir.map(Into::into);
        Ok(Self { pki_dir: pki_dir.into(), estate_dir, owner, read: Mutex::default() })
    }

    /// Our own keys; `None` when there are none yet. A file that others may read is an error, not a key.
    pub fn own_keys(&self) -> Result<Option<OwnKeys>, KeepError> {
        let path = self.own_path();
        let Some(file) = disk::read(&path, self.owner, Link::Followed, 0o077)? else { return Ok(None) };
        match format::read_own(&file) {
            Ok(keys) => Ok(Some(keys)),
            Err(source) => Err(KeepError::Malformed { path, source }),
        }
    }

    /// Writes our own keys (mode 0600). Where there are keys already it fails, unless `force`.
    pub fn create_own_keys(&self, keys: &OwnKeys, force: bool) -> Result<(), KeepError> {
        let file = format::write_own(keys);
        if force { disk::replace(&self.own_path(), &file, self.owner) } else { self.create_own(&file) }
    }

    fn create_own(&self, file: &[u8]) -> Result<(), KeepError> {
        let path = self.own_path();
        match disk::create(&path, file, self.owner) {
            Err(KeepError::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(KeepError::Exists { path })
            }
            other => other,
        }
    }

    /// All roles with their keys and standing, and what is wrong with the files that are none.
    pub fn roll(&self) -> Result<Reading, KeepError> {
        let Reading { mut roll, mut blocked, mut errors } = Reading::default();
        let mut seen: BTreeMap<Name, (Acceptance, Option<RoleKey>)> = BTreeMap::new();
        // What a panic elsewhere left is as good as nothing: every entry is checked against its file.
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = BTreeMap::new();
        for standing in STANDINGS {
            for name in disk::names(&self.role_dir(standing))? {
                let Some(role) = name.to_str().and_then(|name| Name::new(name).ok()) else {
                    errors.push(KeepError::BadName { path: self.role_dir(standing).join(name) });
                    continue;
                };
                let key = match self.read_again(standing, &role, &mut known) {
                    Ok(Some((mark, key))) => {
                        fresh.insert((standing, role.clone()), (mark, key.clone()));
                        Some(key)
                    }
                    // Moved by somebody since we read the directory.
                    Ok(None) => continue,
                    Err(error) => {
                        errors.push(error);
                        None
                    }
                };
                // A broken file has no keys but still a standing: a torn rejection must not let its role back in.
                let entry = seen.entry(role).or_insert((standing, None));
                if entry.1.is_none() {
                    entry.1 = key;
                }
            }
        }
        *known = fresh;
        for (role, (standing, key)) in seen {
            match key {
                Some(key) => _ = roll.set(key, standing),
                None => _ = blocked.insert(role),
            }
        }
        Ok(Reading { roll, blocked, errors })
    }

    /// A role's keys and the mark of its file: from `known` where the file is the same as then.
    fn read_again(
        &self,
        standing: Acceptance,
        role: &Name,
        known: &mut Known,
    ) -> Result<Option<(u64, RoleKey)>, KeepError> {
        let path = self.role_dir(standing).join(role.as_str());
        // Before the file is read: when it changes in between, the next mark is another.
        let mark = mark(standing, role.as_str(), fs::symlink_metadata(&path).ok());
        match known.remove(&(standing, role.clone())) {
            Some((old, key)) if old == mark => Ok(Some((mark, key))),
            _ => Ok(self.read_role(&path, role)?.map(|key| (mark, key))),
        }
    }

    /// A mark of the directories: a look at each, however many keys. Changes when a key file was added, moved or removed,
    /// which is all that `estate-keys` does; not when one was written in its place.
    pub fn glance(&self) -> Stamp {
        let mark = |standing| mark(standing, "", fs::metadata(self.role_dir(standing)).ok());
        Stamp(STANDINGS.into_iter().map(mark).fold(self.tokens_mark(), u64::wrapping_add))
    }

    /// A mark that changes whenever a key file was added, moved, removed or written. Take it before [`roll`](Self::roll).
    ///
    /// Looks at every file: [`glance`](Self::glance) is what to take often. Two rewrites of one file in its place within
    /// one tick of the kernel's file clock (some milliseconds) may look like one; our own writes are new files.
    pub fn stamp(&self) -> Stamp {
        let mut sum = self.tokens_mark();
        for standing in STANDINGS {
            let dir = self.role_dir(standing);
            sum = sum.wrapping_add(mark(standing, "", fs::metadata(&dir).ok()));
            let Ok(entries) = fs::read_dir(&dir) else { continue };
            for entry in entries.flatten() {
                // A sum, since directories are listed in no order.
                sum = sum.wrapping_add(mark(standing, entry.file_name(), entry.metadata().ok()));
            }
        }
        Stamp(sum)
    }

    /// Writes one change and returns when it is on the disk. A role is in one directory only afterwards.
    ///
    /// Changes of roles wait for those of other processes, so that two that move one key at a time do not lose it. A role
    /// with a file that cannot be read gets no standing but a rejection: what stands there may be one.
    pub fn apply(&self, change: &Change) -> Result<(), KeepError> {
        let is_of_role = matches!(change, Change::Role(..) | Change::DropRole(_) | Change::Fast(_));
        let _lock = if is_of_role { Some(disk::lock(&self.pki_dir.join(".lock"), self.owner)?) } else { None };
        match change {
            Change::Role(key, standing) => {
                if *standing != Acceptance::Rejected {
                    self.check_readable(&key.role)?;
                }
                // As of now: whoever moves the new file on at once has decided, and it is not ours to remove.
                let others = self.filed(&key.role).filter(|other| other != standing).collect::<Vec<_>>();
                let target = self.role_dir(*standing).join(key.role.as_str());
                // Nothing is lost with a key that waits, it comes again; and strangers come by the thousand: each would cost
                // everybody the milliseconds that a disk takes.
                let lasting = if *standing == Acceptance::Pending { Lasting::Soon } else { Lasting::Now };
                disk::replace_as(lasting, &target, &format::write_role(key), self.owner)?;
                self.drop_role(&key.role, others)
            }
            Change::DropRole(role) => {
                self.drop_role(role, STANDINGS)?;
                self.drop_fast(role)
            }
            Change::Local(record) => {
                let path = self.local_path()?;
                let old = disk::read(&path, self.owner, Link::Refused, 0o022)?;
                let name = self.estate_name(&path)?;
                let new = format::write_local_estate(*record, &name, old.as_ref().map(|old| &old[..]));
                disk::replace(&path, &new, self.owner)
            }
            Change::Remote(record) => {
                let path = self.remote_path(&record.name)?;
                disk::replace(&path, &format::write_remote_estate(record), self.owner)
            }
            Change::DropRemote(name) => disk::remove(&self.remote_path(name)?),
            Change::Fast(role) => self.add_fast(role),
        }
    }

    /// Our own estate as of the last start.
    pub fn local(&self) -> Result<Option<LocalRecord>, KeepError> {
        let path = self.local_path()?;
        let Some(file) = disk::read(&path, self.owner, Link::Refused, 0o022)? else { return Ok(None) };
        format::read_local_estate(&file).map(Some).map_err(|source| KeepError::Malformed { path, source })
    }

    /// The remote estates as of the last start, sorted by name, and what is wrong with the files that are none.
    pub fn remotes(&self) -> Result<(Vec<RemoteRecord>, Vec<KeepError>), KeepError> {
        let dir = self.estate_dir()?.join("remote");
        let (mut records, mut errors) = (Vec::new(), Vec::new());
        for file_name in disk::names(&dir)? {
            // raet leaves alone what is not `estate.<name>.json`; so do we.
            let Some(name) = file_name.to_str().and_then(|n| n.strip_prefix("estate.")?.strip_suffix(".json")) else {
                continue;
            };
            match self.read_remote(&dir.join(&file_name), name) {
                Ok(Some(record)) => records.push(record),
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        Ok((records, errors))
    }

    fn read_remote(&self, path: &Path, name: &str) -> Result<Option<RemoteRecord>, KeepError> {
        let Some(file) = disk::read(path, self.owner, Link::Refused, 0o022)? else { return Ok(None) };
        match format::read_remote_estate(&file) {
            Err(source) => Err(KeepError::Malformed { path: path.into(), source }),
            Ok(record) if record.name.as_str() != name => {
                Err(KeepError::Misfiled { path: path.into(), role: record.name })
            }
            Ok(record) => Ok(Some(record)),
        }
    }

    fn read_role(&self, path: &Path, role: &Name) -> Result<Option<RoleKey>, KeepError> {
        let Some(file) = disk::read(path, self.owner, Link::Refused, 0o022)? else { return Ok(None) };
        if file.is_empty() && path.starts_with(self.role_dir(Acceptance::Pending)) {
            // What a crash of the machine leaves of a key that nobody had decided about.
            return Ok(None);
        }
        match format::read_role(&file) {
            Err(source) => Err(KeepError::Malformed { path: path.into(), source }),
            Ok(key) if key.role != *role => Err(KeepError::Misfiled { path: path.into(), role: key.role }),
            Ok(key) => Ok(Some(key)),
        }
    }

    /// Refuses a role that has a broken or unreadable file.
    fn check_readable(&self, role: &Name) -> Result<(), KeepError> {
        for standing in STANDINGS {
            let read = self.read_role(&self.role_dir(standing).join(role.as_str()), role);
            read.map_err(|why| KeepError::Blocked { role: role.clone(), why: Box::new(why) })?;
        }
        Ok(())
    }

    /// The standings a role has a file for, good or bad.
    fn filed(&self, role: &Name) -> impl Iterator<Item = Acceptance> {
        let path = |standing| self.role_dir(standing).join(role.as_str());
        STANDINGS.into_iter().filter(move |standing| fs::symlink_metadata(path(*standing)).is_ok())
    }

    /// Removes a role's files of these standings; the strictest goes last, so that a crash leaves it.
    fn drop_role(&self, role: &Name, standings: impl AsRef<[Acceptance]>) -> Result<(), KeepError> {
        for standing in standings.as_ref().iter().rev() {
            disk::remove(&self.role_dir(*standing).join(role.as_str()))?;
        }
        Ok(())
    }

    fn own_path(&self) -> PathBuf {
        self.pki_dir.join("local.key")
    }

    fn role_dir(&self, standing: Acceptance) -> PathBuf {
        self.pki_dir.join(standing.to_string())
    }

    fn estate_dir(&self) -> Result<&Path, KeepError> {
        self.estate_dir.as_deref().ok_or(KeepError::NoEstates)
    }

    fn local_path(&self) -> Result<PathBuf, KeepError> {
        Ok(self.estate_dir()?.join("local").join("estate.json"))
    }

    fn remote_path(&self, name: &Name) -> Result<PathBuf, KeepError> {
        Ok(self.estate_dir()?.join("remote").join(format!("estate.{name}.json")))
    }

    /// An estate's directory is called as the estate is (wire v0 §7).
    fn estate_name(&self, path: &Path) -> Result<Name, KeepError> {
        let dir = self.estate_dir()?.file_name().and_then(|name| name.to_str());
        dir.and_then(|name| Name::new(name).ok()).ok_or_else(|| KeepError::BadName { path: path.into() })
    }
}

/// What a stamp takes from one directory entry.
fn mark(standing: Acceptance, name: impl Hash, meta: Option<fs::Metadata>) -> u64 {
    let mut hash = DefaultHasher::new();
    standing.hash(&mut hash);
    name.hash(&mut hash);
    if let Some(meta) = meta {
        // The change time cannot be set back by `touch`; the inode tells a new file from the old one within one tick.
        (meta.ino(), meta.size(), meta.mode(), meta.uid()).hash(&mut hash);
        (meta.ctime(), meta.ctime_nsec(), meta.mtime(), meta.mtime_nsec()).hash(&mut hash);
    }
    hash.finish()
}

#[cfg(test)]
mod tests;
