//! The fast road's parts (handshake v1, road v1). Each owns its state and is told the time; none of them names a socket.
//!
//! [`handshake`] ends in an [`handshake::Established`]: the peer, its keys and the first packet number. [`keys`] seals and
//! opens packets from then on, [`seen`] keeps each of them from counting twice.
//!
//! What a session sends is remembered in [`sent`] until its fate is known; [`rtt`] and [`loss`] say when that is,
//! [`pacer`], [`window`], [`mtu`] and [`ecn`] when the next packet may leave, how large it may be and how it is marked.
//! [`outbox`] and [`inbox`] turn messages into chunks and back.

pub mod acks;
pub mod carried;
mod dialer;
pub mod ecn;
pub(crate) mod hall;
pub mod handshake;
pub mod inbox;
pub mod keys;
pub mod loss;
pub mod message;
pub mod mtu;
pub mod outbox;
pub mod pacer;
mod path;
pub(crate) mod route;
pub mod rtt;
pub mod seen;
pub mod sent;
mod session;
pub mod tally;
pub mod violation;
pub mod window;
pub(crate) mod spans;

pub use acks::Acks;
pub use carried::Carried;
pub use ecn::Marks;
pub use inbox::Inbox;
pub use keys::Keys;
pub use loss::Loss;
pub use mtu::Mtu;
pub use outbox::Outbox;
pub use pacer::Pacer;
pub use rtt::Rtt;
pub use seen::Seen;
pub use sent::{Fate, Meta, Rate, Sent, Verdict};
pub use violation::Violation;
pub use window::{Algorithm, Control, Window};
