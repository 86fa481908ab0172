//! The fast road's wire (v1): handshake packets with fixed layouts, data packets with a short head and sealed frames.
//! Integers are big-endian. Every first byte has its top bit set, which no classic head has.

pub mod ack;
pub mod cursor;
pub mod frame;
pub mod handshake;
#[cfg(test)]
mod handshake_tests;
pub mod head;
pub mod intro;
pub mod number;
pub mod packet;
pub mod payload;
pub mod varint;
pub mod welcome;

pub use ack::{Ack, Ecn};
pub use cursor::{Full, Reader, Writer};
pub use frame::{Chunk, Frame, Frames, Ids, Opening};
pub use handshake::{Cookie, Head, Hello, Initiate, Kind, Reset, Retry, Versions};
pub use head::DataHead;
pub use intro::{Intro, IntroReply};
pub use number::Truncated;
pub use packet::{Packet, is_fast};
pub use payload::{Enrolment, Initiation, Offers, Parameters};
pub use welcome::{Status, Successor, Welcome};

/// Why bytes are no packet or no frame: the guilty part, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct Malformed {
    /// What is wrong, as a few words.
    pub what: &'static str,
    /// Offset in what was read.
    pub at: usize,
}

/// This wire's version, as handshake heads say it.
pub const VERSION: u8 = 1;

/// Shorthand for the many places that refuse something.
fn malformed<T>(what: &'static str, at: usize) -> Result<T, Malformed> {
    Err(Malformed { what, at })
}
