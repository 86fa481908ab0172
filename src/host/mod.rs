//! Floor: host.

#[cfg(feature = "daemon")]
pub mod runner;
