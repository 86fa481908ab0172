//! The fast road's parts (handshake v1, road v1). Each owns its state and is told the time; none of them names a socket.
//!
//! [`keys`] seals and opens packets, [`seen`] keeps each of them from counting twice.

pub mod keys;
pub mod seen;

pub use keys::Keys;
pub use seen::Seen;
