//! Every weakness of raet 0.6.8 and Salt 2018.3.5 that is on record (quirks §2 and §4), played against our master and our
//! minion over the wire, one behaviour a file. What the road alone withstands is in `tests/road_*.rs`; the table in
//! `src/manual/road_v0.rs` says which is where. And what a real Salt master and minion were recorded saying, said to ours.
// The town these tests share is test code too, though clippy looks for `#[test]` only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod town;

mod accepted_evil;
mod ack_of_an_allow;
mod bodies_in_a_session;
mod captured_salt;
mod first_pender;
mod hello_of_a_stranger;
mod join_again;
mod joins_by_the_thousand;
mod key_taken_away;
mod later_replay;
mod masters_yards;
mod minions_yards;
mod others_names;
mod reflection;
mod reject_to_a_joiner;
