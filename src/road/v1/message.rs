//! What the application hands to the fast road and gets from it: messages and streams, with kind, route and priority.

use std::fmt;
use std::sync::Arc;

use bytes::{Buf, Bytes};

use crate::base::limits;
use crate::transport::{Failure, Ticket};
use crate::wire::v1::frame::{KIND_MAX, ROUTE_MAX};
use crate::wire::v1::varint;

/// A message's kind: text of at most [`KIND_MAX`] bytes. Short ones lie in the value itself, so that cloning is free; a text
/// has one form, so that they compare as values.
#[derive(Clone, PartialEq, Eq)]
pub struct Kind(Text);

#[derive(Clone, PartialEq, Eq)]
enum Text {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Arc<str>),
}

/// Longest kind held in place: fills the 24 bytes that a pointer, a length and the choice take anyway.
const SHORT: usize = 22;

/// What a message costs of the credit beside its bytes, so that empty ones cost too.
pub const CHARGE: u64 = 64;
/// The last class.
pub const BULK: u8 = CLASSES as u8 - 1;
/// Bytes of a stream that may be sent before its receiver's application has taken any, on either side of this wire.
pub const STREAM_CREDIT: u64 = 256 << 10;
/// The classes of priority; 0 goes first.
pub const CLASSES: usize = 3;

/// A message to send.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The caller's number; answered exactly once.
    pub ticket: Ticket,
    /// What it is; messages that share it travel best.
    pub heading: Arc<Heading>,
    /// What it says.
    pub body: Body,
}

/// The body of a message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// One value, at most [`limits::FAST_MESSAGE_MAX`] bytes.
    Whole(Bytes),
    /// Written piece by piece under the message's ticket; any size.
    Stream,
}

/// What a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Its kind.
    pub kind: Kind,
    /// Its route, for the application; at most [`ROUTE_MAX`] bytes.
    pub route: Bytes,
    /// 0: control, 1: returns and other ordinary messages, 2: bulk.
    pub priority: u8,
}

/// What arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A message, whole and once.
    Whole {
        /// What it is.
        heading: Heading,
        /// What it says.
        body: Bytes,
    },
    /// Messages that came together and differ in their bodies alone.
    Run {
        /// What each of them is.
        heading: Heading,
        /// What they say.
        bodies: Bodies,
    },
    /// A stream begins.
    Opened {
        /// The stream.
        message: u64,
        /// What it is.
        heading: Heading,
    },
    /// The next piece of a stream.
    Piece {
        /// The stream.
        message: u64,
        /// The piece; empty only at a stream's end.
        data: Bytes,
        /// Whether the stream ends with it.
        is_last: bool,
    },
    /// A stream ends before its end.
    Cut {
        /// The stream.
        message: u64,
    },
}

/// The bodies of messages that came together, each after its length as a varint: they share one allocation, and are told
/// apart when they are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bodies {
    block: Bytes,
    count: usize,
}

/// Why a message is not taken, as REFUSE says it.
pub mod reason {
    /// Larger than [`FAST_MESSAGE_MAX`](crate::base::limits::FAST_MESSAGE_MAX).
    pub const TOO_LARGE: u64 = 1;
    /// The application does not want it.
    pub const UNWANTED: u64 = 2;
}

/// How urgent a message of the roles is: jobs and requests before returns, and both before what is large.
pub fn priority(message: &crate::message::Message) -> u8 {
    match message.body.len() {
        0..SMALL if message.kind == "pub" || message.kind == "load" => 0,
        0..LARGE => 1,
        _ => BULK,
    }
}

/// A job or request larger than this is no control message.
const SMALL: usize = 16 << 10;
/// A message that takes longer than some hundred packets is bulk.
const LARGE: usize = 256 << 10;

impl Kind {
    /// A kind; `None` when it is too long.
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; SHORT];
        if let Some(into) = bytes.get_mut(..text.len()) {
            into.copy_from_slice(text.as_bytes());
            return Some(Self(Text::Short { len: text.len() as u8, bytes }));
        }
        (text.len() <= KIND_MAX).then(|| Self(Text::Long(text.into())))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Short { len, bytes } => {
                bytes.get(..usize::from(*len)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
            }
            Text::Long(text) => text,
        }
    }

    /// Whether it says just this.
    pub fn is(&self, text: &str) -> bool {
        // An empty text may lie nowhere, and comparing nothing there takes some processors a hundred nanoseconds: a masked
        // load from a page that is not mapped is handed to microcode, whatever the mask.
        self.len() == text.len() && (text.is_empty() || self.as_str() == text)
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        match &self.0 {
            Text::Short { len, .. } => usize::from(*len),
            Text::Long(text) => text.len(),
        }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Bodies {
    /// Of `count` bodies; a block with fewer gives what it has, and then empty ones.
    pub fn new(block: Bytes, count: usize) -> Self {
        Self { block, count }
    }

    /// Bytes held, lengths included.
    pub fn bytes(&self) -> usize {
        self.block.len()
    }

    fn split(&mut self) -> Option<Bytes> {
        let (size, start) = varint::read(&self.block)?;
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        if end >= self.block.len() {
            return Some(std::mem::take(&mut self.block).split_off(start));
        }
        let mut body = self.block.split_to(end);
        body.advance(start);
        Some(body)
    }
}

impl Iterator for Bodies {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.count = self.count.checked_sub(1)?;
        Some(self.split().unwrap_or_default())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for Bodies {}

impl Outgoing {
    /// Whether the road carries it at all, now or later.
    pub fn check(&self) -> Result<(), Failure> {
        let size = match &self.body {
            Body::Whole(body) => body.len(),
            Body::Stream => 0,
        };
        match () {
            () if size > limits::FAST_MESSAGE_MAX => Err(Failure::TooLarge),
            () if self.heading.route.len() > ROUTE_MAX => Err(Failure::Malformed),
            () => Ok(()),
        }
    }
}

impl Default for Kind {
    fn default() -> Self {
        Self(Text::Short { len: 0, bytes: [0; SHORT] })
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}
