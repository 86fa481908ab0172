//! Who was seen on the fast wire: one empty file a role in `fast`, beside the directories of standings. Whoever is there is
//! refused on the classic wire, so that nobody leads an estate back to it by dropping packets.
//!
//! Lives and dies with the role's key: deleting the key, by whatever means, deletes this.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::{KeepError, Store, disk};
use crate::base::{Name, limits};

/// The directory.
pub(super) const FAST: &str = "fast";

impl Store {
    /// The roles that were seen on the fast wire, and what is wrong with the files that say so: a file that is not as it
    /// should be counts all the same, for the stricter reading is the safe one.
    pub fn fast(&self) -> Result<(BTreeSet<Name>, Vec<KeepError>), KeepError> {
        let dir = self.pki_dir.join(FAST);
        let (mut roles, mut errors) = (BTreeSet::new(), Vec::new());
        for file_name in disk::names(&dir)?.into_iter().take(limits::ESTATES) {
            let path = dir.join(&file_name);
            match file_name.to_str().and_then(|name| Name::new(name).ok()) {
                Some(role) => {
                    errors.extend(disk::read(&path, self.owner, disk::Link::Refused, 0o022).err());
                    roles.insert(role);
                }
                None => errors.push(KeepError::BadName { path }),
            }
        }
        Ok((roles, errors))
    }

    /// Forgets that a role was seen, if it has no key here any more.
    pub fn forget_fast(&self, role: &Name) -> Result<(), KeepError> {
        let _lock = disk::lock(&self.pki_dir.join(".lock"), self.owner)?;
        if self.filed(role).next().is_some() { Ok(()) } else { self.drop_fast(role) }
    }

    /// Notes it, unless the role was deleted meanwhile.
    pub(super) fn add_fast(&self, role: &Name) -> Result<(), KeepError> {
        let path = self.fast_path(role);
        if self.filed(role).next().is_none() || fs::symlink_metadata(&path).is_ok() {
            return Ok(());
        }
        disk::create(&path, b"", self.owner)
    }

    pub(super) fn drop_fast(&self, role: &Name) -> Result<(), KeepError> {
        disk::remove(&self.fast_path(role))
    }

    fn fast_path(&self, role: &Name) -> PathBuf {
        self.pki_dir.join(FAST).join(role.as_str())
    }
}
