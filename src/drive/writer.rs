//! Writes estates to the disk on a thread of its own: each write waits for the disk, and ten thousand minions that come
//! back at once would hold up everybody else. Keys are not its business: those are written before anything builds on them.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::base::Name;
use crate::keep::{Change, Journal, Store};

/// Takes changes and returns at once; of several for one file, the last is written. What waits when it is dropped is
/// written first.
#[derive(Debug)]
pub struct Writer {
    store: Arc<Store>,
    shared: Arc<Shared>,
    /// `None` when the system gave us no thread: then every write is waited for.
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    /// By the file it is for. As many as there are estates at most, and as many roles.
    waiting: BTreeMap<File, Change>,
    journal: Option<Journal>,
    is_closed: bool,
}

/// What a change is written to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum File {
    Own,
    Estate(Name),
    Fast(Name),
}

impl Writer {
    /// Starts the thread.
    pub fn start(store: Arc<Store>) -> Self {
        let shared = Arc::new(Shared::default());
        let (on_thread, into) = (shared.clone(), store.clone());
        let thread = std::thread::Builder::new().name("estates".to_owned()).spawn(move || {
            while let Some((changes, journal)) = on_thread.next() {
                changes.values().for_each(|change| write(&into, change));
                journal.iter().for_each(|journal| write_journal(&into, journal));
            }
        });
        let thread = thread.inspect_err(|error| tracing::warn!(%error, "no thread to write estates")).ok();
        Self { store, shared, thread }
    }

    /// Hands a change of an estate over. One of a key is written at once.
    pub fn push(&self, change: Change) {
        let file = match &change {
            Change::Local(_) => File::Own,
            Change::Remote(record) => File::Estate(record.name.clone()),
            Change::DropRemote(name) => File::Estate(name.clone()),
            Change::Fast(role) => File::Fast(role.clone()),
            Change::Role(..) | Change::DropRole(_) => return write(&self.store, &change),
        };
        if self.thread.is_none() {
            return write(&self.store, &change);
        }
        self.shared.lock().waiting.insert(file, change);
        self.shared.bell.notify_one();
    }
}

impl Writer {
    /// Hands the journal over; of several the last is written.
    pub fn push_journal(&self, journal: Journal) {
        if self.thread.is_none() {
            return write_journal(&self.store, &journal);
        }
        self.shared.lock().journal = Some(journal);
        self.shared.bell.notify_one();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.bell.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was told of when it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// All that waits, once there is something; `None` when nothing more will come.
    fn next(&self) -> Option<(BTreeMap<File, Change>, Option<Journal>)> {
        let mut queue = self.lock();
        while queue.waiting.is_empty() && queue.journal.is_none() {
            if queue.is_closed {
                return None;
            }
            queue = self.bell.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        Some((std::mem::take(&mut queue.waiting), queue.journal.take()))
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No step of ours leaves the queue half changed.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a change at once.
pub fn write(store: &Store, change: &Change) {
    if let Err(error) = store.apply(change) {
        tracing::error!(%error, "not written; it holds until this daemon ends");
    }
}

/// Writes the journal at once.
pub fn write_journal(store: &Store, journal: &Journal) {
    if let Err(error) = store.write_journal(journal) {
        tracing::warn!(%error, "the journal was not written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep::{LocalRecord, RemoteRecord};

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn remote(of: &str, sid: u32) -> RemoteRecord {
        let (name, role, ha) = (name(of), name(of), "127.0.0.1:4510".parse().unwrap());
        RemoteRecord { name, role, nuid: 2, fuid: 2, ha, sid, main: false, kind: 1, joined: Some(true) }
    }

    #[test]
    fn what_waits_is_written_before_it_ends() {
        let dir = tempfile::TempDir::new().unwrap();
        let store = Arc::new(Store::open(&dir.path().join("pki"), Some(&dir.path().join("m_master"))).unwrap());
        let writer = Writer::start(store.clone());
        for sid in 1..50 {
            writer.push(Change::Local(LocalRecord { puid: sid }));
            for of in ["web1_minion", "web2_minion"] {
                writer.push(Change::Remote(remote(of, sid)));
            }
        }
        writer.push(Change::DropRemote(name("web1_minion")));
        drop(writer);
        assert_eq!(store.local().unwrap(), Some(LocalRecord { puid: 49 }));
        assert_eq!(store.remotes().unwrap().0, [remote("web2_minion", 49)]);
    }

    #[test]
    fn of_one_file_only_the_last_is_written() {
        let shared = Shared::default();
        let dir = tempfile::TempDir::new().unwrap();
        let store = Arc::new(Store::open(dir.path(), None).unwrap());
        // Its thread is somewhere else, so that everything waits.
        let thread = Some(std::thread::spawn(|| ()));
        let writer = Writer { store, shared: Arc::new(shared), thread };
        for sid in 1..50 {
            writer.push(Change::Remote(remote("web1_minion", sid)));
        }
        let (waiting, _) = writer.shared.next().unwrap();
        assert!(waiting.into_values().eq([Change::Remote(remote("web1_minion", 49))]));
    }
}
