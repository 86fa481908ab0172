//! Enrolment tokens: one file each in `tokens`, called by the token's id. Nobody changes one; they are made and deleted.

use std::fs;
use std::path::Path;

use zeroize::Zeroizing;

use super::{KeepError, Stamp, Store, disk, mark};
use crate::base::{Acceptance, limits};
use crate::keep::Token;
use crate::keep::format;

/// The directory.
pub(super) const TOKENS: &str = "tokens";

impl Store {
    /// All tokens, expired ones too, and what is wrong with the files that are none.
    pub fn tokens(&self) -> Result<(Vec<Token>, Vec<KeepError>), KeepError> {
        let dir = self.pki_dir.join(TOKENS);
        let (mut tokens, mut errors) = (Vec::new(), Vec::new());
        for file_name in disk::names(&dir)?.into_iter().take(limits::TOKENS) {
            let path = dir.join(&file_name);
            let file = match disk::read(&path, self.owner, disk::Link::Refused, 0o077) {
                Ok(Some(file)) => file,
                // Deleted since we read the directory.
                Ok(None) => continue,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            match format::read_token(&file) {
                Ok(token) if file_name.to_str() == Some(&token.name()) => tokens.push(token),
                Ok(_) => errors.push(KeepError::BadName { path }),
                Err(source) => errors.push(KeepError::Malformed { path, source }),
            }
        }
        Ok((tokens, errors))
    }

    /// Writes a new token (mode 0600).
    pub fn create_token(&self, token: &Token) -> Result<(), KeepError> {
        disk::create(&self.pki_dir.join(TOKENS).join(token.name()), &format::write_token(token), self.owner)
    }

    /// Deletes a token, whatever its file holds; says whether there was one. `name` is its id in hex.
    pub fn delete_token(&self, name: &str) -> Result<bool, KeepError> {
        let is_name = name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit());
        let path = self.pki_dir.join(TOKENS).join(name);
        let is_there = is_name && fs::symlink_metadata(&path).is_ok();
        if is_there {
            disk::remove(&path)?;
        }
        Ok(is_there)
    }

    /// The text of a file somewhere else that holds a secret: one that others may read is an error.
    pub fn secret_text(&self, path: &Path) -> Result<Zeroizing<String>, KeepError> {
        let io = |source| KeepError::Io { action: "read", path: path.into(), source };
        let file = disk::read(path, self.owner, disk::Link::Followed, 0o077)?;
        let file = file.ok_or_else(|| io(std::io::ErrorKind::NotFound.into()))?;
        let text = std::str::from_utf8(&file).map_err(|_| io(std::io::ErrorKind::InvalidData.into()))?;
        Ok(Zeroizing::new(text.trim().to_owned()))
    }

    /// A mark of the tokens' directory: changes when one was made or deleted.
    pub fn tokens_stamp(&self) -> Stamp {
        Stamp(self.tokens_mark())
    }

    pub(super) fn tokens_mark(&self) -> u64 {
        mark(Acceptance::Accepted, TOKENS, fs::metadata(self.pki_dir.join(TOKENS)).ok())
    }
}
