//! The fast road's parts (handshake v1, road v1). Each owns its state and is told the time; none of them names a socket.
//!
//! [`handshake`] ends in an [`handshake::Established`]: the peer, its keys and the first packet number. [`keys`] seals and
//! opens packets from then on, [`seen`] keeps each of them from counting twice.
//!
//! [`sent`] remembers what is in flight and says what an acknowledgement means, with [`rtt`] and [`loss`] to judge by;
//! [`pacer`], [`mtu`] and [`ecn`] watch the path, [`window`] says how much may be in flight; [`acks`] says what arrived.
//! [`outbox`] and [`inbox`] turn [`message`]s into what packets carry, and back.

pub mod acks;
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
pub(crate) mod spans;
pub mod tally;
pub mod trace;
pub mod violation;
pub mod window;

pub use acks::Acks;
pub use ecn::Marks;
pub use inbox::Inbox;
pub use keys::Keys;
pub use loss::Loss;
pub use mtu::Mtu;
pub use outbox::Outbox;
pub use pacer::Pacer;
pub use rtt::Rtt;
pub use seen::Seen;
pub use sent::{Carried, Fate, Meta, Rate, Sent, Verdict};
pub use violation::Violation;
pub use window::{Algorithm, Control, Window};
