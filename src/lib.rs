#![doc = include_str!("../README.md")]
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
#[cfg(feature = "daemon")]
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
