//! The keep of a Salt RAET daemon: its keys in a `pki_dir`, its estates below a `cachedir` (wire v0 §7 "Salt mapping"), read
//! to be taken over and written to go back. Makes nothing there that Salt does not know.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::disk::{self, Link, Owner};
use super::{KeepError, STANDINGS, Store};
use crate::base::{Acceptance, Name, limits};
use crate::keep::adopt::View;
use crate::keep::record::{Change, Identity, RemoteRecord};
use crate::keep::role::{OwnKeys, RoleKey};
use crate::keep::{LocalRecord, format};

/// The files of one Salt daemon.
#[derive(Debug)]
pub struct SaltKeep {
    pki_dir: PathBuf,
    /// `<cachedir>/raet/<id>_<kind>`.
    estate_dir: Option<PathBuf>,
    owner: Owner,
}

/// What is in them.
#[derive(Debug, Default)]
pub struct SaltReading {
    /// Keys, standings and estates.
    pub view: View,
    /// Whose they are, if estates tell.
    pub identity: Option<Identity>,
    /// What is wrong with single files. They are left out and left as they are.
    pub errors: Vec<KeepError>,
}

/// Kinds of estates Salt has (Salt over RAET §1).
const KINDS: [&str; 4] = ["master", "minion", "syndic", "caller"];

impl SaltKeep {
    /// The keep in these directories, which must be there. A directory of a ZeroMQ daemon's keys, or of something else, is
    /// none.
    pub fn open(pki_dir: &Path, estate_dir: Option<&Path>) -> Result<Self, KeepError> {
        let owner = disk::look_at_dir(pki_dir, None)?;
        if !is_there(&pki_dir.join("local.key")) {
            let names = disk::names(pki_dir)?;
            let pem = names.iter().find(|name| Path::new(name).extension().is_some_and(|ext| ext == "pem"));
            let path = pki_dir.into();
            return Err(match pem.or_else(|| names.iter().find(|name| *name == "minion_master.pub")) {
                Some(file) => KeepError::ZeroMq { path, file: file.to_string_lossy().into_owned() },
                None => KeepError::NoSalt { path },
            });
        }
        if let Some(dir) = estate_dir {
            disk::look_at_dir(dir, Some(owner))?;
        }
        Ok(Self { pki_dir: pki_dir.into(), estate_dir: estate_dir.map(Into::into), owner })
    }

    /// The keep in these directories, or a new one where nothing is yet: to be written.
    pub fn create(pki_dir: &Path, estate_dir: Option<&Path>) -> Result<Self, KeepError> {
        let owner = disk::make_dir(pki_dir, None)?;
        if let Some(dir) = estate_dir {
            disk::make_dir(dir, Some(owner))?;
        }
        Ok(Self { pki_dir: pki_dir.into(), estate_dir: estate_dir.map(Into::into), owner })
    }

    /// Reads all of it. An own key that cannot be read is an error; anything else that cannot is told of and left out.
    pub fn read(&self) -> Result<SaltReading, KeepError> {
        let mut reading = SaltReading::default();
        reading.view.own = self.own()?;
        self.read_roles(&mut reading)?;
        if let Some(dir) = &self.estate_dir {
            self.read_estates(dir, &mut reading)?;
        }
        Ok(reading)
    }

    fn own(&self) -> Result<Option<OwnKeys>, KeepError> {
        let path = self.pki_dir.join("local.key");
        let Some(file) = disk::read(&path, self.owner, Link::Followed, 0o077)? else { return Ok(None) };
        format::read_own(&file).map(Some).map_err(|source| KeepError::Malformed { path, source })
    }

    fn read_roles(&self, reading: &mut SaltReading) -> Result<(), KeepError> {
        let mut found: BTreeMap<Name, (RoleKey, Acceptance)> = BTreeMap::new();
        for standing in STANDINGS {
            let dir = self.pki_dir.join(standing.to_string());
            if !is_there(&dir) {
                continue;
            }
            disk::look_at_dir(&dir, Some(self.owner))?;
            for file_name in disk::names(&dir)? {
                let path = dir.join(&file_name);
                let role = file_name.to_str().and_then(|name| Name::new(name).ok());
                let Some(role) = role.filter(|role| role.as_str().len() <= limits::ID_MAX) else {
                    reading.errors.push(KeepError::BadName { path });
                    continue;
                };
                match self.read_role(&path, &role) {
                    // As Salt looks: rejected counts before accepted, and accepted before pending.
                    Ok(Some(key)) => {
                        let entry = found.entry(role).or_insert_with(|| (key.clone(), standing));
                        if (entry.1, standing) == (Acceptance::Pending, Acceptance::Accepted) {
                            *entry = (key, standing);
                        }
                    }
                    Ok(None) => {}
                    Err(error) => reading.errors.push(error),
                }
            }
        }
        for (key, standing) in found.into_values() {
            reading.view.roll.set(key, standing);
        }
        Ok(())
    }

    fn read_role(&self, path: &Path, role: &Name) -> Result<Option<RoleKey>, KeepError> {
        let Some(file) = disk::read(path, self.owner, Link::Refused, 0o022)? else { return Ok(None) };
        match format::read_role(&file) {
            Err(source) => Err(KeepError::Malformed { path: path.into(), source }),
            Ok(key) if key.role != *role => Err(KeepError::Misfiled { path: path.into(), role: key.role }),
            Ok(key) => Ok(Some(key)),
        }
    }

    fn read_estates(&self, dir: &Path, reading: &mut SaltReading) -> Result<(), KeepError> {
        let path = dir.join("local").join("estate.json");
        match disk::read(&path, self.owner, Link::Refused, 0o022) {
            Ok(Some(file)) => match format::read_identity(&file) {
                Ok(identity) => {
                    reading.view.puid = identity.puid;
                    reading.identity = Some(identity);
                }
                Err(source) => reading.errors.push(KeepError::Malformed { path, source }),
            },
            Ok(None) => {}
            Err(error) => reading.errors.push(error),
        }
        let remote = dir.join("remote");
        if !is_there(&remote) {
            return Ok(());
        }
        for file_name in disk::names(&remote)? {
            let path = remote.join(&file_name);
            let Some(name) = file_name.to_str().and_then(|name| name.strip_prefix("estate.")) else { continue };
            let Some(name) = name.strip_suffix(".json") else { continue };
            match self.read_estate(&path, name) {
                Ok(Some(record)) => reading.view.remotes.push(record),
                Ok(None) => {}
                Err(error) => reading.errors.push(error),
            }
        }
        Ok(())
    }

    fn read_estate(&self, path: &Path, name: &str) -> Result<Option<RemoteRecord>, KeepError> {
        let Some(file) = disk::read(path, self.owner, Link::Refused, 0o022)? else { return Ok(None) };
        let path = path.to_path_buf();
        let record = format::read_remote_estate(&file);
        let record = record.map_err(|source| KeepError::Malformed { path: path.clone(), source })?;
        let is_of_role = |kind: &&str| format!("{}_{kind}", record.role) == name;
        if record.name.as_str() != name || !KINDS.iter().any(is_of_role) {
            return Err(KeepError::Misfiled { path, role: record.name });
        }
        Ok(Some(record))
    }

    /// Writes Salt's own keys in place of what is there.
    pub fn write_own(&self, keys: &OwnKeys) -> Result<(), KeepError> {
        disk::replace(&self.pki_dir.join("local.key"), &format::write_own(keys), self.owner)
    }

    /// Writes one change of a role or an estate. Salt must not be running: it overwrites its estates.
    pub fn apply(&self, change: &Change) -> Result<(), KeepError> {
        match change {
            Change::Role(key, standing) => {
                for other in STANDINGS {
                    disk::make_dir(&self.pki_dir.join(other.to_string()), Some(self.owner))?;
                }
                let path = |standing: Acceptance| self.pki_dir.join(standing.to_string()).join(key.role.as_str());
                disk::replace(&path(*standing), &format::write_role(key), self.owner)?;
                let others = STANDINGS.into_iter().filter(|other| other != standing);
                others.map(path).try_for_each(|path| disk::remove(&path))
            }
            Change::Local(record) => self.write_local(*record),
            Change::Remote(record) => {
                let path = self.remote_path(&record.name)?;
                let old = disk::read(&path, self.owner, Link::Refused, 0o022).ok().flatten();
                let new = format::write_remote_estate_over(record, old.as_ref().map(|old| &old[..]));
                disk::replace(&path, &new, self.owner)
            }
            Change::DropRemote(name) => disk::remove(&self.remote_path(name)?),
            // Salt knows nothing of the fast wire, and roles are not dropped from here.
            Change::DropRole(_) | Change::Fast(_) => Ok(()),
        }
    }

    /// The counter, where Salt has a file for it; where not it makes one from its settings.
    fn write_local(&self, record: LocalRecord) -> Result<(), KeepError> {
        let dir = self.estate_dir.as_deref().ok_or(KeepError::NoEstates)?;
        let path = dir.join("local").join("estate.json");
        let Some(old) = disk::read(&path, self.owner, Link::Refused, 0o022)? else { return Ok(()) };
        match format::read_identity(&old) {
            Ok(identity) => {
                disk::replace(&path, &format::write_local_estate(record, &identity.name, Some(&old)), self.owner)
            }
            Err(source) => Err(KeepError::Malformed { path, source }),
        }
    }

    fn remote_path(&self, name: &Name) -> Result<PathBuf, KeepError> {
        let dir = self.estate_dir.as_deref().ok_or(KeepError::NoEstates)?.join("remote");
        disk::make_dir(&dir, Some(self.owner))?;
        Ok(dir.join(format!("estate.{name}.json")))
    }
}

impl Store {
    /// What this keep holds, and what is wrong with single files.
    pub fn view(&self) -> Result<(View, Vec<KeepError>), KeepError> {
        let reading = self.roll()?;
        let (mut view, mut errors) =
            (View { own: self.own_keys()?, roll: reading.roll, ..View::default() }, reading.errors);
        if self.estate_dir.is_some() {
            let (remotes, bad) = self.remotes()?;
            (view.remotes, view.puid) = (remotes, self.local()?.unwrap_or_default().puid);
            errors.extend(bad);
        }
        Ok((view, errors))
    }
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

#[cfg(test)]
#[path = "salt_tests.rs"]
mod tests;
