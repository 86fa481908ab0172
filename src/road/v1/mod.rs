//! The fast road's parts (handshake v1, road v1). Each owns its state and is told the time; none of them names a socket.
//!
//! [`handshake`] ends in an [`handshake::Established`]: the peer, its keys and the first packet number. [`keys`] seals and
//! opens packets from then on, [`seen`] keeps each of them from counting twice.

pub mod handshake;
pub mod keys;
pub mod seen;
pub mod window;

pub use keys::Keys;
pub use seen::Seen;
pub use window::{Algorithm, Control, Window};
