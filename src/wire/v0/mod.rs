//! The classic wire: one datagram is `head | coat | foot` (wire v0 §1). Byte-compatible with raet 0.6.8.

pub mod allow;
pub mod body;
pub mod coat;
mod fields;
pub mod head;
mod head_json;
mod head_lines;
mod head_text;
pub mod join;
pub mod kinds;
mod msgpack;
pub mod outgoing;
pub mod packet;
pub mod resend;
pub mod salt;
pub mod segments;
#[cfg(test)]
mod testing;
pub mod tray;

pub use allow::{Cookie, CookieStuff, Hello, Initiate, InitiateKeys};
pub use head::Head;
pub use join::JoinBody;
pub use kinds::{BodyKind, CoatKind, FootKind, HeadKind, PacketKind, TransactKind};
pub use packet::{Packet, claims, is_raet, read, write};
pub use segments::Segments;
pub use tray::{Inserted, Tray};

/// Why bytes are no packet: the guilty part, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct Malformed {
    /// What is wrong, as a few words.
    pub what: &'static str,
    /// Offset in the datagram.
    pub at: usize,
}

/// Shorthand for the many places that refuse something.
fn malformed<T>(what: &'static str, at: usize) -> Result<T, Malformed> {
    Err(Malformed { what, at })
}
