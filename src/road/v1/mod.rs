//! The fast road's parts (handshake v1, road v1). Each owns its state and is told the time; none of them names a socket.
//!
//! [`handshake`] ends in an [`handshake::Established`]: the peer, its keys and the first packet number. [`keys`] seals and
//! opens packets from then on, [`seen`] keeps each of them from counting twice.
//!
//! [`sent`] remembers what is in flight and says what an acknowledgement means, with [`rtt`] and [`loss`] to judge by;
//! [`pacer`], [`mtu`] and [`ecn`] watch the path; [`acks`] says what arrived,
//! [`window`] how much may be in flight and how fast.

pub mod acks;
pub mod ecn;
pub mod handshake;
pub mod keys;
pub mod loss;
pub mod mtu;
pub mod pacer;
pub mod rtt;
pub mod seen;
pub mod sent;
pub mod violation;
pub mod window;

pub use acks::Acks;
pub use ecn::{Mark, Marks};
pub use keys::Keys;
pub use loss::Loss;
pub use mtu::Mtu;
pub use pacer::Pacer;
pub use rtt::Rtt;
pub use seen::Seen;
pub use sent::{Carried, Fate, Meta, Rate, Sent, Verdict};
pub use violation::Violation;
pub use window::{Algorithm, Control, Window};
