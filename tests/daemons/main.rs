//! Real processes on the loopback, as an operator starts and stops them: one behaviour per file.
#![cfg(feature = "daemon")]
// Tests say what must be so; the stage they share is test code too, though clippy looks for `#[test]` only.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[macro_use]
mod stage;

mod accept;
mod automatic;
mod both_wires;
mod classic_attacks;
#[path = "../attacks/client.rs"]
mod client;
mod cut_off;
mod enrolled;
mod fingers;
mod grains;
mod killed_minion;
mod long_job;
mod nobody;
mod other_user;
mod pinned_master;
mod refused_start;
mod restarted_master;
mod road_command;
mod said_goodbye;
mod targets;
mod traced;
