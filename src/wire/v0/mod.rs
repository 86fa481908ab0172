//! The classic wire: one datagram is `head | coat | foot` (wire v0 §1). Byte-compatible with raet 0.6.8.

pub mod head;
pub mod kinds;

pub use head::Head;
pub use kinds::{BodyKind, CoatKind, FootKind, HeadKind, PacketKind, TransactKind};

/// Why bytes are no packet: the guilty part, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct Malformed {
    /// What is wrong, as a few words.
    pub what: &'static str,
    /// Offset in the datagram.
    pub at: usize,
}
