//! Floor 6: what makes a process of the engines: settings, and with the feature `daemon` the daemons themselves.

#[cfg(feature = "daemon")]
pub mod demo;
#[cfg(feature = "daemon")]
pub mod runner;
pub mod settings;
