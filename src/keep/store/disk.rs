//! Reading and replacing one small file with care: who owns it, who may touch it, and that a crash leaves the old or the
//! new, never half of one. Knows nothing of keys.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

use super::KeepError;

/// User and group of the key directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    uid: u32,
    gid: u32,
}

/// Whether a symbolic link stands for the file it points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// It does: secrets are often mounted that way.
    Followed,
    /// It is an error.
    Refused,
}

/// Larger than any key or estate file.
const FILE_MAX: u64 = 65_536;

/// Makes sure of a directory that only its owner can write: creates it (mode 0700) where it is missing, and says whose it
/// is. With an `owner`, it must be theirs or root's.
pub(super) fn make_dir(path: &Path, owner: Option<Owner>) -> Result<Owner, KeepError> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(io_error("create", parent))?;
            }
            match DirBuilder::new().mode(0o700).create(path) {
                // Another process was faster.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                other => other.map_err(io_error("create", path))?,
            }
            let found = fs::metadata(path).map_err(io_error("read", path))?;
            if let Some(owner) = owner.filter(|owner| owner.uid != found.uid()) {
                give(path, owner).map_err(io_error("give to its owner", path))?;
            }
            fs::metadata(path)
        }
        other => other,
    };
    judge_dir(path, &found.map_err(io_error("read", path))?, owner)
}

/// As [`make_dir`] of a directory that must be there.
pub(super) fn look_at_dir(path: &Path, owner: Option<Owner>) -> Result<Owner, KeepError> {
    judge_dir(path, &fs::metadata(path).map_err(io_error("read", path))?, owner)
}

fn judge_dir(path: &Path, found: &Metadata, owner: Option<Owner>) -> Result<Owner, KeepError> {
    if !found.is_dir() {
        let source = io::Error::from(ErrorKind::NotADirectory);
        return Err(KeepError::Io { action: "use", path: path.into(), source });
    }
    let own = Owner { uid: found.uid(), gid: found.gid() };
    check(path, found, owner.unwrap_or(own), 0o022)?;
    Ok(own)
}

/// Gives a directory to `owner`, and never what a link put in its place points to: whoever may write around it may have
/// swapped it, and we may be root.
fn give(path: &Path, owner: Owner) -> io::Result<()> {
    let dir = File::open(path)?;
    let (opened, named) = (dir.metadata()?, fs::symlink_metadata(path)?);
    if !named.is_dir() || (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
        return Err(ErrorKind::NotADirectory.into());
    }
    fchown(&dir, Some(owner.uid), Some(owner.gid))
}

/// Waits until no other process or thread holds the lock at `path`; it is ours until the file is dropped.
pub(super) fn lock(path: &Path, owner: Owner) -> Result<File, KeepError> {
    match write_new(path, b"", owner, Lasting::Now) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(io_error("create", path)(error)),
        _ => {}
    }
    let found = fs::symlink_metadata(path).map_err(io_error("lock", path))?;
    if !found.is_file() {
        return Err(KeepError::NotPlain { path: path.into() });
    }
    // For reading: whatever somebody puts there meanwhile stays as it is.
    let file = File::open(path).map_err(io_error("lock", path))?;
    file.lock().map_err(io_error("lock", path))?;
    Ok(file)
}

/// The names in a directory, sorted, without those that begin with a dot: files on their way, and editors' leftovers.
pub(super) fn names(dir: &Path) -> Result<Vec<OsString>, KeepError> {
    let entries = fs::read_dir(dir).map_err(io_error("list", dir))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(io_error("list", dir))?.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The content of a plain file, or `None` where there is none. Refuses files of strangers and those that group or others
/// can access in a way of `forbidden`.
pub(super) fn read(
    path: &Path,
    owner: Owner,
    link: Link,
    forbidden: u32,
) -> Result<Option<Zeroizing<Vec<u8>>>, KeepError> {
    read_up_to(path, owner, link, forbidden, FILE_MAX)
}

/// As [`read`], of a file that may be larger, bytes.
pub(super) fn read_up_to(
    path: &Path,
    owner: Owner,
    link: Link,
    forbidden: u32,
    most: u64,
) -> Result<Option<Zeroizing<Vec<u8>>>, KeepError> {
    let found = if link == Link::Followed { fs::metadata(path) } else { fs::symlink_metadata(path) };
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("read", path)(error)),
        // Before it is opened: opening a pipe would wait for a writer.
        Ok(found) if !found.is_file() => return Err(KeepError::NotPlain { path: path.into() }),
        Ok(_) => {}
    }
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(io_error("read", path))?,
    };
    // What was opened, not what was there a moment ago.
    let found = file.metadata().map_err(io_error("read", path))?;
    check(path, &found, owner, forbidden)?;
    if found.len() > most {
        let source = io::Error::from(ErrorKind::FileTooLarge);
        return Err(KeepError::Io { action: "read", path: path.into(), source });
    }
    // Room for all of it at once: a vector that grows leaves copies of a secret behind.
    let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(found.len()).unwrap_or(0).saturating_add(64)));
    file.take(most).read_to_end(&mut content).map_err(io_error("read", path))?;
    Ok(Some(content))
}

/// When something written has to be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    /// Before anybody goes on: some milliseconds.
    Now,
    /// Whenever the system likes: a crash of the machine may leave the old, the new, or an empty file.
    Soon,
}

/// Puts `content` (mode 0600) where `path` is, whether there is something or not. A crash leaves the old or the new.
pub(super) fn replace(path: &Path, content: &[u8], owner: Owner) -> Result<(), KeepError> {
    replace_as(Lasting::Now, path, content, owner)
}

/// The same for what need not outlast a crash of the machine.
pub(super) fn replace_as(lasting: Lasting, path: &Path, content: &[u8], owner: Owner) -> Result<(), KeepError> {
    let fresh = write_beside(path, content, owner, lasting)?;
    if let Err(error) = fs::rename(&fresh, path) {
        let _ = fs::remove_file(&fresh);
        return Err(io_error("write", path)(error));
    }
    if lasting == Lasting::Now { sync_dir_of(path) } else { Ok(()) }
}

/// Puts `content` (mode 0600) where nothing is yet; fails with `AlreadyExists` otherwise.
pub(super) fn create(path: &Path, content: &[u8], owner: Owner) -> Result<(), KeepError> {
    let fresh = write_beside(path, content, owner, Lasting::Now)?;
    // Unlike a rename, a link never replaces.
    let created = match fs::hard_link(&fresh, path) {
        // A file system without links: a crash may leave half a file here, which no reader takes for a whole one.
        Err(error) if error.kind() != ErrorKind::AlreadyExists => write_new(path, content, owner, Lasting::Now),
        other => other,
    };
    let _ = fs::remove_file(&fresh);
    created.map_err(io_error("create", path))?;
    sync_dir_of(path)
}

/// Removes a file; one that is not there is fine.
pub(super) fn remove(path: &Path) -> Result<(), KeepError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error("remove", path)(error)),
        Ok(()) => sync_dir_of(path),
    }
}

/// Writes a file of a fresh name into the directory of `path`.
fn write_beside(path: &Path, content: &[u8], owner: Owner, lasting: Lasting) -> Result<PathBuf, KeepError> {
    let fresh = fresh_name(path);
    // Only a crashed process that had our number can have left one.
    let _ = fs::remove_file(&fresh);
    match write_new(&fresh, content, owner, lasting) {
        Ok(()) => Ok(fresh),
        Err(error) => {
            let _ = fs::remove_file(&fresh);
            Err(io_error("write", path)(error))
        }
    }
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, content: &[u8], owner: Owner, lasting: Lasting) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    if file.metadata()?.uid() != owner.uid {
        fchown(&file, Some(owner.uid), Some(owner.gid))?;
    }
    file.write_all(content)?;
    if lasting == Lasting::Now { file.sync_all() } else { Ok(()) }
}

/// A name no other process and no other thread uses, and no reader looks at.
fn fresh_name(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".new-{}-{count}", std::process::id()))
}

/// Makes a rename or removal last: it is the directory that changed.
fn sync_dir_of(path: &Path) -> Result<(), KeepError> {
    let Some(dir) = path.parent() else { return Ok(()) };
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error("write", dir))
}

/// Refuses what others may touch in a way of `forbidden`, and what belongs to neither `owner` nor root.
fn check(path: &Path, found: &Metadata, owner: Owner, forbidden: u32) -> Result<(), KeepError> {
    let mode = found.permissions().mode() & 0o7777;
    if mode & forbidden != 0 {
        let can = if mode & 0o022 != 0 { "change" } else { "read" };
        let advice = if found.is_dir() { 0o700 } else { 0o600 };
        return Err(KeepError::Open { path: path.into(), can, mode, advice });
    }
    if found.uid() != owner.uid && found.uid() != 0 {
        return Err(KeepError::Foreign { path: path.into(), found: found.uid(), wanted: owner.uid });
    }
    Ok(())
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeepError {
    move |source| KeepError::Io { action, path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_in_the_place_of_a_directory_gives_nothing_away() {
        let dir = tempfile::TempDir::new().unwrap();
        let (treasure, link) = (dir.path().join("treasure"), dir.path().join("link"));
        fs::create_dir(&treasure).unwrap();
        std::os::unix::fs::symlink(&treasure, &link).unwrap();
        let before = fs::metadata(&treasure).unwrap();
        let error = give(&link, Owner { uid: before.uid() + 1, gid: before.gid() }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
        assert_eq!(fs::metadata(&treasure).unwrap().uid(), before.uid());
        give(&treasure, Owner { uid: before.uid(), gid: before.gid() }).unwrap();
    }
}
