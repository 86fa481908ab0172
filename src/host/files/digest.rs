//! What is in a file: its hash, and what kind of text it is if it is any. Owns a memory of both, so that a file that has not
//! changed is read through once.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{self, Algorithm, Context};

use crate::base::Wall;
use crate::clock::Clock;
use crate::host::settings::HashType;

/// Files remembered: those of the largest trees we know of, and a few hundred bytes each.
const REMEMBERED: usize = 50_000;
/// A file that changed within this time may change again without a trace: file systems count in ticks of 10 ms at worst, and
/// some in seconds.
const FRESH: Duration = Duration::from_secs(2);
/// Bytes read at once.
const BUFFER: usize = 256 << 10;

/// What a file's bytes are, from what any peer can take to what few can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    /// ASCII alone.
    Ascii,
    /// UTF-8.
    Text,
    /// Anything else.
    Binary,
}

/// What was found in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Digest {
    /// Hex digits.
    pub(super) hash: String,
    pub(super) content: Content,
}

/// What tells that a file is another one than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    place: (u64, u64),
    size: u64,
    changed: [(i64, i64); 2],
}

/// Digests of files, most of them from memory.
#[derive(Debug)]
pub(super) struct Digests {
    algorithm: &'static Algorithm,
    clock: Clock,
    known: Mutex<BTreeMap<PathBuf, (Mark, Digest)>>,
}

impl Digests {
    pub(super) fn new(hash: HashType, clock: Clock) -> Self {
        let algorithm = match hash {
            HashType::Sha256 => &digest::SHA256,
            HashType::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            HashType::Sha224 => &digest::SHA224,
            HashType::Sha384 => &digest::SHA384,
            HashType::Sha512 => &digest::SHA512,
        };
        Self { algorithm, clock, known: Mutex::default() }
    }

    /// What is in the file at `path`.
    pub(super) fn of(&self, path: &Path, metadata: &Metadata) -> io::Result<Digest> {
        let mark = Mark::of(metadata);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        if let Some((_, digest)) = known.filter(|(known, _)| *known == mark) {
            return Ok(digest);
        }
        let now = self.clock.wall();
        let mut file = File::open(path)?;
        let before = Mark::of(&file.metadata()?);
        let digest = read(&mut file, self.algorithm)?;
        if before == Mark::of(&file.metadata()?) && before.is_old(now) {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(path.to_owned(), (before, digest.clone()));
        }
        Ok(digest)
    }
}

impl Mark {
    fn of(metadata: &Metadata) -> Self {
        Self {
            place: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            changed: [(metadata.mtime(), metadata.mtime_nsec()), (metadata.ctime(), metadata.ctime_nsec())],
        }
    }

    /// Whether a change after `now` would leave another mark.
    fn is_old(&self, now: Wall) -> bool {
        let now = i64::try_from(now.0 / 1_000_000).unwrap_or(i64::MAX);
        let fresh = i64::try_from(FRESH.as_secs()).unwrap_or(i64::MAX);
        self.changed.iter().all(|(seconds, _)| seconds.saturating_add(fresh) < now)
    }
}

fn read(file: &mut impl Read, algorithm: &'static Algorithm) -> io::Result<Digest> {
    let mut context = Context::new(algorithm);
    let mut content = Content::Ascii;
    let mut buffer = vec![0; BUFFER];
    // The beginning of a letter that the buffer cut.
    let mut held = 0;
    loop {
        let count = match file.read(buffer.get_mut(held..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        context.update(buffer.get(held..held + count).unwrap_or_default());
        let bytes = buffer.get(..held + count).unwrap_or_default();
        let (kind, whole) = if content == Content::Binary { (content, bytes.len()) } else { judge(bytes) };
        content = content.max(kind);
        let end = bytes.len();
        held = end - whole;
        buffer.copy_within(whole..end, 0);
    }
    if held > 0 {
        content = Content::Binary;
    }
    Ok(Digest { hash: hex::encode(context.finish()), content })
}

/// What `bytes` are, and how many of them are whole letters: at their end one may be cut.
pub(super) fn judge(bytes: &[u8]) -> (Content, usize) {
    if bytes.is_ascii() {
        return (Content::Ascii, bytes.len());
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => (Content::Text, bytes.len()),
        Err(error) if error.error_len().is_none() => (Content::Text, error.valid_up_to()),
        Err(_) => (Content::Binary, bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    /// Gives a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(into.len());
            let (now, later) = self.0.split_at(count);
            into[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    fn expected(bytes: &[u8]) -> Content {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => Content::Ascii,
            Ok(_) => Content::Text,
            Err(_) => Content::Binary,
        }
    }

    proptest! {
        #[test]
        fn judged_as_a_whole_however_it_is_read(bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40), ".{0,20}".prop_map(String::into_bytes),
            (".{0,9}", 0usize..4).prop_map(|(text, cut)| text.as_bytes()[..text.len().saturating_sub(cut)].to_vec()),
        ], step in 1usize..7) {
            let found = read(&mut Slow(&bytes, step), &digest::SHA256).unwrap();
            prop_assert_eq!(found.content, expected(&bytes));
            prop_assert_eq!(found.hash, hex::encode(digest::digest(&digest::SHA256, &bytes)));
        }
    }

    #[test]
    fn a_change_is_seen_and_an_old_file_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let digests = Digests::new(HashType::Sha256, Clock::start());
        let of = |digests: &Digests| digests.of(&path, &fs::metadata(&path).unwrap()).unwrap();
        fs::write(&path, "one").unwrap();
        let first = of(&digests);
        fs::write(&path, "two").unwrap();
        assert_ne!(of(&digests), first, "same size, same moment");
        assert!(digests.known.lock().unwrap().is_empty(), "too young to be remembered");
        let mark = Mark::of(&fs::metadata(&path).unwrap());
        assert!(mark.is_old(Wall(u64::MAX)) && !mark.is_old(digests.clock.wall()));
    }
}
