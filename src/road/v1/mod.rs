//! The fast road's parts (handshake v1, road v1). Each owns its state and is told the time; none of them names a socket.
//!
//! [`handshake`] ends in an [`handshake::Established`]: the peer, its keys and the first packet number. [`keys`] seals and
//! opens packets from then on, [`seen`] keeps each of them from counting twice.

pub mod carried;
pub mod handshake;
pub mod inbox;
pub mod keys;
pub mod message;
pub mod outbox;
pub mod seen;
pub(crate) mod spans;

pub use carried::Carried;
pub use inbox::Inbox;
pub use keys::Keys;
pub use outbox::Outbox;
pub use seen::Seen;
