//! The journal's file, beside the estates: `journal.json`.

use std::path::PathBuf;

use super::disk::{self, Link};
use super::{KeepError, Store};
use crate::keep::journal::Journal;

/// Larger than the journal of as many estates as a road keeps, bytes.
const JOURNAL_MAX: u64 = 4 << 20;

impl Store {
    /// The journal as it was written last.
    pub fn journal(&self) -> Result<Option<Journal>, KeepError> {
        let path = self.journal_path()?;
        let Some(file) = disk::read_up_to(&path, self.owner, Link::Refused, 0o022, JOURNAL_MAX)? else {
            return Ok(None);
        };
        Journal::read(&file).map(Some).map_err(|source| KeepError::Malformed { path, source })
    }

    /// Writes the journal in place of the one before.
    pub fn write_journal(&self, journal: &Journal) -> Result<(), KeepError> {
        disk::replace(&self.journal_path()?, &journal.write(), self.owner)
    }

    fn journal_path(&self) -> Result<PathBuf, KeepError> {
        Ok(self.estate_dir()?.join("journal.json"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::base::Name;
    use crate::keep::journal::{Note, Wire};

    #[test]
    fn a_whole_fleet_is_read_again() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = Store::open(&dir.path().join("pki"), Some(&dir.path().join("m_master"))).unwrap();
        assert!(store.journal().unwrap().is_none());
        let mut journal = Journal::default();
        for n in 0..crate::base::limits::ESTATES {
            let (role, from) = (Name::new(&format!("{n:064}")).unwrap(), ([127, 0, 0, 1], 1).into());
            journal.note(n as u64, Note::Met { role, wire: Wire::Classic, from });
        }
        store.write_journal(&journal).unwrap();
        assert_eq!(store.journal().unwrap(), Some(journal));
        fs::write(dir.path().join("m_master/journal.json"), "{").unwrap();
        assert!(store.journal().unwrap_err().to_string().contains("not a journal"));
    }
}
