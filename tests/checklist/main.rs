//! Behaviours of raet 0.6.8's own unit tests that no other test of ours shows, each simulated. The table in
//! `src/manual/peer_tests.rs` says which of its 285 tests is shown where.
// What these tests share is test code too, though clippy looks for `#[test]` only.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;
mod thief;

mod answers_to_joins;
mod answers_to_responses;
mod fields_missing;
mod joins_lost;
mod messages_lost;
mod presence;
mod table;
