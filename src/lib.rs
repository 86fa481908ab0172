#![doc = include_str!("../README.md")]
//! # Where to begin
//!
//! | you want | begin with |
//! |---|---|
//! | messages, and no loop of your own for the socket | [`drivers::plain::Plain`] with threads, [`drivers::raet::Raet`] with `tokio`; `examples/two_estates.rs` |
//! | the engine, on any socket and in any loop | [`road::Road`]; `examples/plain_socket.rs` |
//! | to try a program without a network | [`drivers::memory`] behind [`transport::Transport`], or [`sim`](manual::house) with the feature `sim` |
//! | a master or minion inside a program | [`master::Master`], [`minion::Minion`] |
//! | how it works, and why each number | [`manual`] |
//!
//! All of them take [`transport::Command`]s and give [`transport::Event`]s. An estate is a [`road::Config`] (its name, whom it dials,
//! which wires), [`keep::OwnKeys`], and the [`road::Memory`] of an earlier process. A [`message::Message`] is a kind, a route and
//! a body; [`Message::new`](message::Message::new) makes one of anything that `serde` can write.
//!
//! What happens first: an [`Event::Knock`](transport::Event::Knock) for a key nobody has decided about, on either side, answered by
//! [`Command::Admit`](transport::Command::Admit) (or by [`road::Trust`]); then [`Event::Joined`](transport::Event::Joined), and the
//! estate can be sent to. What comes as [`Output::Keep`](road::Output::Keep) is for your disk, if keys are to outlive the process.
//!
//! # Streams
//!
//! What is too large for one value, or grows while it is sent, goes as a stream: its sender writes until it is handed back, its receiver
//! asks for one piece after the other, and neither holds more than a window of it. Here on simulated hosts:
//!
//! ```
//! # #[cfg(feature = "sim")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use std::time::Duration;
//! # use roadstead::base::Name;
//! # use roadstead::road::Trust;
//! # use roadstead::sim::{World, fast};
//! # use roadstead::transport::{Command, Event, Ticket};
//! # let mut world = World::new(1);
//! # let (harbour, ship) = (0, 1);
//! # let mut config = fast("harbour");
//! # (config.main, config.trust) = (true, Trust::Once);
//! config.fast.streams = 1; // of the receiver: so many at once
//! # world.add(config);
//! # let mut config = fast("ship");
//! # (config.dial, config.trust) = (vec![World::address(harbour)], Trust::Once);
//! # world.add(config);
//! # world.run(Duration::from_secs(2));
//!
//! let (ticket, to) = (Ticket(1), Name::new("harbour")?);
//! let open = Command::Open { ticket, to: to.clone(), route: Default::default(), kind: "log".into() };
//! world.command(ship, open).map_err(|_| "full")?;
//! let mut unsaid = Some(Command::Write { ticket, to, data: vec![7; 20 << 20].into(), fin: true });
//! let (mut log, mut is_whole) = (0, false);
//! while !is_whole {
//!     // What does not fit comes back, and is offered again; `Event::Room` says when that is worth while.
//!     unsaid = unsaid.and_then(|write| world.command(ship, write).err());
//!     world.run(Duration::from_millis(1));
//!     for event in std::mem::take(&mut world.host(harbour).events) {
//!         let take = match event {
//!             Event::Opened { stream, .. } => Command::Take { stream },
//!             Event::Chunk { stream, data, fin, .. } => {
//!                 (log, is_whole) = (log + data.len(), fin);
//!                 Command::Take { stream }
//!             }
//!             _ => continue,
//!         };
//!         world.command(harbour, take).map_err(|_| "full")?;
//!     }
//! }
//! assert_eq!(log, 20 << 20);
//! # world.run(Duration::from_secs(1));
//! assert!(world.host(ship).events.contains(&Event::Delivered { ticket }));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sim"))]
//! # fn main() {}
//! ```
//!
//! # What is promised
//!
//! * A message arrives whole and at most once in a session, from an estate whose key is proven, in no particular order.
//! * Each [`Ticket`](transport::Ticket) that was taken is answered exactly once. `Delivered`: the far road has put the message before
//!   its application. `Failed` with [`Failure::Lost`](transport::Failure::Lost): the session ended, and nobody can know whether it arrived.
//! * A stream's bytes come in order and once; a cast comes once at most, or not at all.
//! * Nothing is remembered across sessions: who sends again must have its receiver tell repetitions apart.
//! * A closed or vanished estate is [`Event::Left`](transport::Event::Left), before what failed with it; it is dialled again for ever.
//!
//! # Limits and errors
//!
//! Bounds are in [`base::limits`], and a queue without one is a bug: a message has at most 64 MiB on the fast wire and 52 MB on the
//! classic one; 65,536 messages (classic: 1,024) or 128 MiB wait for one estate, 512 MiB for all. What does not fit is handed back as the `Err` of the call,
//! and [`Event::Room`](transport::Event::Room) follows. What can never be sent fails with [`transport::Failure`]; who does not let us in says
//! [`transport::Refusal`], who goes [`transport::Departure`]. Bytes from the network are never an error of a call: they are dropped and
//! counted in [`road::Stats`]. Nothing a peer sends makes an engine panic.
//!
//! Features: `daemon` (default) brings sockets, drivers and the `roadstead` command, `config` the settings, `sim` simulated hosts;
//! the engines need none.
//!
//! # The house
//!
//! Floors in reading order; nobody imports upward (`tests/tidy.rs` keeps it so).

// Floor 0: values and primitives.
pub mod base;
pub mod nacl;

// Floor 1: what is said, and how it looks in bytes.
pub mod duty;
pub mod message;
pub mod transport;
pub mod wire;

// Floor 2: keys and their standing.
pub mod keep;

// Floor 3: the engines, without sockets, files or clocks.
pub mod bus;
pub mod lane;
pub mod master;
pub mod minion;
pub mod road;

// Floor 4: the clock and the sockets.
#[cfg(feature = "config")]
pub mod clock;
#[cfg(feature = "daemon")]
pub mod drive;

// Floor 5: transports, functions, simulation.
#[cfg(feature = "daemon")]
pub mod drivers;
#[cfg(feature = "daemon")]
pub mod functions;
#[cfg(feature = "sim")]
pub mod sim;

// Floor 6: the daemons and the command line.
#[cfg(feature = "config")]
pub mod host;

/// The book: how it is built and why.
pub mod manual;
