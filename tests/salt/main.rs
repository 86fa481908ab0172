//! Real Salt 2018.3.5 over RAET, live on the loopback: its minions at our master, our minion at its master, all kinds of
//! minions at once, and the move of a whole fleet there and back. Prints what was done and how long it took.
//!
//! Needs Python 2.7 (as `pyenv` installs it), a C compiler and libsodium; installs Salt itself under `target`. Says loudly
//! when there is none; `ROADSTEAD_INTEROP=require` makes that a failure.

#![cfg(feature = "daemon")]
// Tests say what must be so; what they share is test code too, though clippy looks for `#[test]` only.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, dead_code)]

mod adoption;
mod fleet;
#[path = "../interop/salt.rs"]
mod kit;
mod mixed_fleet;
mod our_minion;
#[path = "../interop/python.rs"]
mod python;
mod steps;
mod their_minion;

use std::sync::Mutex;

/// One fleet at a time: they are measured, and Salt is not small.
static STAGE: Mutex<()> = Mutex::new(());
