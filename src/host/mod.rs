//! Floor 6: what makes a process of the engines: settings, and with the feature `daemon` the daemons themselves.

#[cfg(feature = "daemon")]
pub mod daemon;
#[cfg(feature = "daemon")]
pub mod policy;
#[cfg(feature = "daemon")]
pub mod runner;
#[cfg(feature = "daemon")]
pub mod serve;
pub mod settings;
#[cfg(feature = "daemon")]
mod user;
