//! Floor 3: the lane, how processes of one host exchange messages (wire v0 §5). A [`Lane`] is one yard's side of it:
//! it makes pages of messages and messages of pages. It has no socket and asks nobody for permission.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::base::{Name, Random, Time, limits};
use crate::message::{BadMessage, Message};
use crate::wire::v0::Malformed;

pub mod book;
pub mod page;
mod yard;

pub use page::{Page, Pages};
use yard::{MAP_MAX, Yard};

/// How long a book waits for its next page: far longer than a busy host makes a writer wait, so the writer is gone.
const BOOK_LIFE: Duration = Duration::from_secs(60);

/// One yard's end of a lane.
#[derive(Debug)]
pub struct Lane {
    lane: Name,
    yard: Name,
    random: Random,
    yards: BTreeMap<Name, Yard>,
    held: usize,
    now: Time,
    sweep: Option<Time>,
}

/// Why a page was dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// No page.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The message's first page never came.
    #[error("the first page of its message is missing")]
    Missed,
    /// It contradicts the message's earlier pages.
    #[error("it contradicts the earlier pages of its message")]
    Mismatch,
    /// Too much is unfinished already.
    #[error("too many unfinished messages are held already")]
    Full,
    /// The message is larger than any may be.
    #[error("the message is too large")]
    TooLarge,
    /// The message is none.
    #[error(transparent)]
    Message(#[from] BadMessage),
}

/// Why a message cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// It is larger than any may be.
    #[error("the message has {0} bytes, a lane carries {max}", max = limits::MESSAGE_MAX)]
    TooLarge(usize),
    /// It has no map form.
    #[error(transparent)]
    Message(#[from] BadMessage),
}

impl Lane {
    /// The end of `lane` that belongs to `yard`.
    pub fn new(lane: Name, yard: Name, random: Random) -> Self {
        Self { lane, yard, random, yards: BTreeMap::new(), held: 0, now: Time::ZERO, sweep: None }
    }

    /// This yard.
    pub fn yard(&self) -> &Name {
        &self.yard
    }

    /// The file name of a yard's socket: `<lane>.<yard>.uxd`.
    pub fn file_name(&self, yard: &Name) -> String {
        file_name(&self.lane, yard)
    }

    /// A datagram from the socket. The message, and the yard it is from, when this was its last page.
    pub fn handle_page(&mut self, now: Time, datagram: &[u8]) -> Result<Option<(Name, Message)>, Dropped> {
        self.now = self.now.max(now);
        let page = page::read(datagram)?;
        if page.to.as_ref().is_some_and(|to| *to != self.yard) {
            // It reached our socket, so it is for us; raet takes it too.
            tracing::debug!(from = %page.from, to = ?page.to, "a page names another yard");
        }
        self.remember(&page.from);
        let room = limits::LANE_BYTES.saturating_sub(self.held);
        let Some(yard) = self.yards.get_mut(&page.from) else { return Ok(None) };
        let before = yard.held();
        let taken = yard.on_page(self.now, &page, room);
        self.held = self.held + yard.held() - before;
        if self.held > 0 && self.sweep.is_none() {
            self.sweep = Some(self.now + BOOK_LIFE);
        }
        let Some((pack, text)) = taken? else { return Ok(None) };
        Ok(Some((page.from, read_message(pack, text)?)))
    }

    /// The pages of `message` for the yard `to`, in the order they must be sent.
    pub fn send(&mut self, to: &Name, message: &Message) -> Result<Pages, Unsendable> {
        let map = message.to_map()?;
        if map.len() > MAP_MAX || message.body.len() > limits::MESSAGE_MAX {
            return Err(Unsendable::TooLarge(map.len()));
        }
        self.remember(to);
        let (session, book) = match self.yards.get_mut(to) {
            Some(yard) => yard.next_book(),
            None => (self.session(), 1),
        };
        let length = map.len();
        page::cut(self.yard.clone(), to.clone(), session, book, map).ok_or(Unsendable::TooLarge(length))
    }

    /// The yard is gone: its unfinished books too, and the next message to it opens a new session.
    pub fn forget(&mut self, yard: &Name) {
        if let Some(yard) = self.yards.remove(yard) {
            self.held -= yard.held();
        }
    }

    /// Time has passed: books nobody goes on with are dropped.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        if self.sweep.is_none_or(|sweep| sweep > self.now) {
            return;
        }
        let limit = Time(self.now.0.saturating_sub(BOOK_LIFE.as_micros() as u64));
        let oldest = self.yards.values_mut().filter_map(|yard| yard.expire(limit)).min();
        self.held = self.yards.values().map(Yard::held).sum();
        self.sweep = oldest.map(|last| last + BOOK_LIFE);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.sweep
    }

    /// Makes sure there is an entry for `name`, at the cost of the one unused for longest.
    fn remember(&mut self, name: &Name) {
        if let Some(yard) = self.yards.get_mut(name) {
            yard.used = self.now;
            return;
        }
        if self.yards.len() >= limits::YARDS {
            let oldest = self.yards.iter().min_by_key(|(_, yard)| (yard.held() > 0, yard.used));
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.forget(&oldest);
            }
        }
        let session = self.session();
        self.yards.insert(name.clone(), Yard::new(session, self.now));
    }

    fn session(&mut self) -> String {
        hex::encode(self.random.bytes::<9>())
    }
}

/// The file name of a yard's socket: `<lane>.<yard>.uxd`.
pub fn file_name(lane: &Name, yard: &Name) -> String {
    format!("{lane}.{yard}.uxd")
}

/// The lane and the yard of a socket's file name; lane names may hold dots, yard names do not.
pub fn names(file_name: &str) -> Option<(Name, Name)> {
    let (lane, yard) = file_name.strip_suffix(".uxd")?.rsplit_once('.')?;
    Some((Name::new(lane).ok()?, Name::new(yard).ok()?))
}

fn read_message(pack: page::Pack, text: Vec<u8>) -> Result<Message, BadMessage> {
    if text.is_empty() {
        // An empty map has no bytes (wire v0 §1.4).
        return Message::from_map(&Bytes::from_static(&[0x80]));
    }
    let map = match pack {
        page::Pack::Msgpack => text,
        page::Pack::Json => {
            let value: serde_json::Value = serde_json::from_slice(&text).map_err(|_| BadMessage::Encoding)?;
            rmp_serde::to_vec_named(&value).map_err(|_| BadMessage::Encoding)?
        }
    };
    Message::from_map(&map.into())
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
