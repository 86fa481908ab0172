//! What the application hands to the fast road and gets from it: messages and streams, with kind, route and priority.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::limits;
use crate::transport::{Failure, Ticket};
use crate::wire::v1::frame::{KIND_MAX, ROUTE_MAX};

/// A message's kind: text of at most [`KIND_MAX`] bytes. Short ones lie in the value itself, so that cloning is free.
#[derive(Clone)]
pub struct Kind(Text);

#[derive(Clone)]
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
    /// 0: control, 1: returns and other ordinary messages, 2: bulk.
    pub priority: u8,
    /// Its kind.
    pub kind: Kind,
    /// Its route, for the application; at most [`ROUTE_MAX`] bytes.
    pub route: Bytes,
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
    /// Its route.
    pub route: Bytes,
    /// 0 to 2.
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

impl Outgoing {
    /// Whether the road carries it at all, now or later.
    pub fn check(&self) -> Result<(), Failure> {
        let size = match &self.body {
            Body::Whole(body) => body.len(),
            Body::Stream => 0,
        };
        match () {
            () if size > limits::FAST_MESSAGE_MAX => Err(Failure::TooLarge),
            () if self.route.len() > ROUTE_MAX => Err(Failure::Malformed),
            () => Ok(()),
        }
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Kind {}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}
