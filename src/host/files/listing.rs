//! The lists of all files, directories and links of an environment. Owns the last list of each, and the looks at its
//! directories that tell whether it still holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::roots::Roots;
use crate::base::{Time, limits};
use crate::clock::Clock;

/// A list this young is taken as it is: the requests of one `state.apply` follow each other faster.
const FRESH: Duration = Duration::from_millis(200);
/// A directory that changed within this time may change again without a trace.
const TICK: i64 = 2;

/// Everything in an environment, names below the roots, each list sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lists {
    pub(super) files: BTreeSet<String>,
    pub(super) dirs: BTreeSet<String>,
    pub(super) empty_dirs: BTreeSet<String>,
    /// Links that stay inside their root, and where they lead.
    pub(super) links: BTreeMap<String, String>,
}

/// A list and what it rests on.
#[derive(Debug)]
struct Kept {
    lists: Arc<Lists>,
    /// When it was last seen to hold.
    seen: Time,
    /// Every directory that was read, as it was; none when one of them was too young to tell.
    dirs: Option<Vec<(PathBuf, Stamp)>>,
}

/// A directory's identity and last change; none: it is not there.
type Stamp = Option<[i64; 4]>;

/// The lists of all environments.
#[derive(Debug)]
pub(super) struct Listings {
    clock: Clock,
    follow_links: bool,
    ignore_links: bool,
    /// One lock an environment: who comes while it is listed waits, and reads no directory itself.
    kept: BTreeMap<String, Mutex<Option<Kept>>>,
}

impl Listings {
    pub(super) fn new(roots: &Roots, follow_links: bool, ignore_links: bool, clock: Clock) -> Self {
        let kept = roots.dirs.keys().map(|saltenv| (saltenv.clone(), Mutex::default())).collect();
        Self { clock, follow_links, ignore_links, kept }
    }

    /// The lists of an environment as it is now.
    pub(super) fn of(&self, roots: &Roots, saltenv: &str) -> Arc<Lists> {
        let (Some(dirs), Some(kept)) = (roots.dirs.get(saltenv), self.kept.get(saltenv)) else { return Arc::default() };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if let Some(kept) = &mut *kept {
            let is_fresh = now.since(kept.seen) < FRESH;
            let holds = || kept.dirs.as_ref().is_some_and(|dirs| dirs.iter().all(|(path, was)| stamp(path) == *was));
            if is_fresh || holds() {
                if !is_fresh {
                    kept.seen = self.clock.now();
                }
                return kept.lists.clone();
            }
        }
        let wall = i64::try_from(self.clock.wall().0 / 1_000_000).unwrap_or(i64::MAX);
        let mut walk = Walk { roots, listings: self, lists: Lists::default(), dirs: Vec::new(), entries: 0 };
        for root in dirs {
            walk.root(root);
        }
        let is_old = |stamp: &Stamp| stamp.is_none_or(|[.., seconds, _]| seconds.saturating_add(TICK) < wall);
        let dirs = walk.dirs.iter().all(|(_, stamp)| is_old(stamp)).then_some(walk.dirs);
        let lists = Arc::new(walk.lists);
        *kept = Some(Kept { lists: lists.clone(), seen: self.clock.now(), dirs });
        lists
    }
}

fn stamp(path: &Path) -> Stamp {
    fs::metadata(path).ok().map(|metadata| stamp_of(&metadata))
}

fn stamp_of(metadata: &Metadata) -> [i64; 4] {
    let place = |number: u64| i64::from_ne_bytes(number.to_ne_bytes());
    [place(metadata.dev()), place(metadata.ino()), metadata.mtime(), metadata.mtime_nsec()]
}

/// A walk through the roots of one environment.
struct Walk<'a> {
    roots: &'a Roots,
    listings: &'a Listings,
    lists: Lists,
    dirs: Vec<(PathBuf, Stamp)>,
    entries: usize,
}

impl Walk<'_> {
    fn root(&mut self, root: &Path) {
        // Directories on the way from the root to what is read next: a link to one of them would have no end.
        let mut todo = vec![(root.to_path_buf(), String::new(), Vec::<(u64, u64)>::new())];
        while let Some((dir, rel, above)) = todo.pop() {
            let Ok(metadata) = fs::metadata(&dir) else {
                self.dirs.push((dir, None));
                continue;
            };
            let place = (metadata.dev(), metadata.ino());
            if above.contains(&place) || above.len() >= limits::DIRECTORIES_DEEP {
                continue;
            }
            self.dirs.push((dir.clone(), Some(stamp_of(&metadata))));
            let Some(below) = self.directory(root, &dir, &rel) else { continue };
            let above: Vec<_> = above.into_iter().chain([place]).collect();
            todo.extend(below.into_iter().map(|(path, rel)| (path, rel, above.clone())));
        }
    }

    /// Reads one directory; gives those below it that are to be read too.
    fn directory(&mut self, root: &Path, dir: &Path, rel: &str) -> Option<Vec<(PathBuf, String)>> {
        let entries = fs::read_dir(dir).ok()?;
        let (mut below, mut is_empty) = (Vec::new(), true);
        for entry in entries.filter_map(Result::ok) {
            is_empty = false;
            self.entries += 1;
            if self.entries > limits::FILES_LISTED {
                if self.entries == limits::FILES_LISTED + 1 {
                    tracing::warn!(root = %root.display(), "the list ends after {} files", limits::FILES_LISTED);
                }
                return Some(below);
            }
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                tracing::debug!(path = %entry.path().display(), "no minion can be told a name that is not UTF-8");
                continue;
            };
            let path = entry.path();
            let rel = if rel.is_empty() { name.to_owned() } else { format!("{rel}/{name}") };
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if self.roots.is_ignored(Path::new(&rel)) || (is_link && self.listings.ignore_links) {
                continue;
            }
            let is_dir = fs::metadata(&path).is_ok_and(|metadata| metadata.is_dir());
            if is_link {
                self.link(root, &path, &rel);
            }
            if !is_dir {
                self.lists.files.insert(rel);
                continue;
            }
            self.lists.dirs.insert(rel.clone());
            if !is_link || self.listings.follow_links {
                below.push((path, rel));
            }
        }
        if is_empty && !rel.is_empty() {
            self.lists.empty_dirs.insert(rel.to_owned());
        }
        Some(below)
    }

    /// Notes a link that does not lead out of its root.
    fn link(&mut self, root: &Path, path: &Path, rel: &str) {
        let Ok(target) = fs::read_link(path) else { return };
        let Some(text) = target.to_str() else { return };
        let joined = path.parent().unwrap_or(root).join(&target);
        let real = fs::canonicalize(&joined).unwrap_or_else(|_| without_dots(&joined));
        if real.starts_with(root) || fs::canonicalize(root).is_ok_and(|root| real.starts_with(root)) {
            self.lists.links.insert(rel.to_owned(), text.to_owned());
        }
    }
}

/// A path with `.` and `..` taken out as text.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}
