//! Masters and minions together, over a transport in memory: one behaviour per file.
#![cfg(feature = "daemon")]
// The world these tests share is test code too, though clippy looks for `#[test]` only.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod world;

mod absent_minion;
mod admission;
mod answers_every_request;
mod asker_gone;
mod duplicate_job;
mod earlier_master;
mod facts;
mod forged_return;
mod jobs_on_record;
mod kill_job;
mod late_return;
mod lost_and_back;
mod lost_in_place;
mod many_minions;
mod master_pending;
mod master_pin;
mod newcomer;
mod notices;
mod over_tokio;
mod pending_key;
mod ping;
mod random_schedules;
mod refused_requests;
mod rejected_mid_session;
mod restarted_unconfirmed;
mod silent_minion;
mod slow_return;
mod slow_transport;
mod targets;
mod too_large_return;
