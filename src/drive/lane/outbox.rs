//! What waits for yards that do not read fast enough, in order, tried again until they do or are gone.
//!
//! A datagram a yard has not read is charged to the socket that sent it. So a yard that falls behind is served from a
//! socket of its own, and one stopped command line cannot silence the daemon towards the others.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::iter::Peekable;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::LaneError;
use crate::base::{Name, Time, limits};
use crate::lane::{Pages, file_name};

/// First wait before a full yard is tried again; the kernel does not tell when it reads.
const RETRY_FIRST: Duration = Duration::from_millis(1);
/// Longest wait: a reader that wakes up is served soon enough, one that is stopped costs ten looks a second.
const RETRY_LAST: Duration = Duration::from_millis(100);
/// Bytes waiting for one yard: one message of any legal size always fits, and two such yards leave room for others.
const YARD_BYTES: usize = limits::LANE_BYTES / 2;

/// Pages on their way to yards.
#[derive(Debug)]
pub(super) struct Outbox {
    dir: PathBuf,
    lane: Name,
    queues: BTreeMap<Name, Queue>,
    held: usize,
}

#[derive(Debug)]
struct Queue {
    path: PathBuf,
    side: Option<UnixDatagram>,
    messages: VecDeque<Waiting>,
    held: usize,
    retry: Time,
    delay: Duration,
}

#[derive(Debug)]
struct Waiting {
    pages: Peekable<Pages>,
    size: usize,
}

enum Sent {
    Page,
    Later,
    Gone(io::Error),
}

impl Outbox {
    pub(super) fn new(dir: &Path, lane: Name) -> Self {
        Self { dir: dir.to_owned(), lane, queues: BTreeMap::new(), held: 0 }
    }

    /// Sends `pages` to `yard`, at once as far as it takes them.
    pub(super) fn push(&mut self, main: &UnixDatagram, yard: &Name, pages: Pages) -> Result<(), LaneError> {
        let size = pages.message_len();
        let held = self.queues.get(yard).map_or((0, 0), |queue| (queue.messages.len(), queue.held));
        if held.0 >= limits::LANE_MESSAGES || held.1 + size > YARD_BYTES || self.held + size > limits::LANE_BYTES {
            return Err(LaneError::Full { yard: yard.clone() });
        }
        if let Some(queue) = self.queues.get_mut(yard) {
            queue.put(pages);
            self.held += size;
            return Ok(());
        }
        let mut queue = Queue::new(self.dir.join(file_name(&self.lane, yard)));
        queue.put(pages);
        match queue.drain(main).1 {
            Sent::Page => {}
            Sent::Later => {
                self.held += queue.held;
                self.queues.insert(yard.clone(), queue);
            }
            Sent::Gone(error) => {
                queue.bury(yard, &error);
                return Err(LaneError::Gone { yard: yard.clone() });
            }
        }
        Ok(())
    }

    /// Tries again what is due; the yards that are gone.
    pub(super) fn flush(&mut self, main: &UnixDatagram, now: Time) -> Vec<Name> {
        let mut gone = Vec::new();
        self.queues.retain(|yard, queue| {
            if queue.retry > now {
                return true;
            }
            let (moved, sent) = queue.drain(main);
            queue.delay = if moved { RETRY_FIRST } else { (queue.delay * 2).min(RETRY_LAST) };
            queue.retry = now + queue.delay;
            match sent {
                Sent::Page => return false,
                Sent::Later => return true,
                Sent::Gone(error) => queue.bury(yard, &error),
            }
            gone.push(yard.clone());
            false
        });
        self.held = self.queues.values().map(|queue| queue.held).sum();
        gone
    }

    /// When to call [`flush`](Self::flush) next.
    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.queues.values().map(|queue| queue.retry).min()
    }
}

impl Queue {
    fn new(path: PathBuf) -> Self {
        Self { path, side: None, messages: VecDeque::new(), held: 0, retry: Time::ZERO, delay: RETRY_FIRST }
    }

    fn put(&mut self, pages: Pages) {
        let size = pages.message_len();
        self.held += size;
        self.messages.push_back(Waiting { pages: pages.peekable(), size });
    }

    /// Sends until all is sent ([`Sent::Page`]) or no more can be; whether a page went.
    fn drain(&mut self, main: &UnixDatagram) -> (bool, Sent) {
        let mut moved = false;
        while let Some(first) = self.messages.front_mut() {
            let Some(page) = first.pages.peek() else {
                self.held -= first.size;
                self.messages.pop_front();
                continue;
            };
            let mut sent = attempt(self.side.as_ref().unwrap_or(main), &self.path, page);
            if matches!(sent, Sent::Later) && self.side.is_none() {
                self.side = side();
                sent = self.side.as_ref().map_or(Sent::Later, |side| attempt(side, &self.path, page));
            }
            if !matches!(sent, Sent::Page) {
                return (moved, sent);
            }
            first.pages.next();
            moved = true;
        }
        (moved, Sent::Page)
    }

    /// The yard is gone. A file nobody listens on is a dead process's, and would be found by others.
    fn bury(&self, yard: &Name, error: &io::Error) {
        tracing::debug!(%yard, %error, "the yard is gone");
        if error.kind() == io::ErrorKind::ConnectionRefused {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn side() -> Option<UnixDatagram> {
    let side = UnixDatagram::unbound().ok()?;
    side.set_nonblocking(true).ok()?;
    Some(side)
}

fn attempt(socket: &UnixDatagram, path: &Path, page: &[u8]) -> Sent {
    use nix::errno::Errno;
    match socket.send_to(page, path) {
        Ok(_) => Sent::Page,
        Err(error) => match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM | Errno::EINTR) => Sent::Later,
            _ => Sent::Gone(error),
        },
    }
}
