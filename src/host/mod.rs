//! Floor 6: what makes a process of the engines: settings, and with the feature `daemon` the daemons and the commands.

#[cfg(feature = "daemon")]
pub mod arguments;
#[cfg(feature = "daemon")]
pub mod call;
#[cfg(feature = "daemon")]
pub mod cli;
#[cfg(feature = "daemon")]
pub mod daemon;
#[cfg(feature = "daemon")]
pub mod demo;
#[cfg(feature = "daemon")]
pub mod facts;
#[cfg(feature = "daemon")]
pub mod fault;
#[cfg(feature = "daemon")]
pub mod files;
#[cfg(feature = "daemon")]
pub mod library;
#[cfg(feature = "daemon")]
mod line;
#[cfg(feature = "daemon")]
pub mod links;
#[cfg(feature = "daemon")]
pub mod log;
#[cfg(feature = "daemon")]
pub mod mine;
#[cfg(feature = "daemon")]
pub mod pillar;
#[cfg(feature = "daemon")]
pub mod policy;
#[cfg(feature = "daemon")]
pub mod publish;
#[cfg(feature = "daemon")]
pub mod runner;
#[cfg(feature = "daemon")]
pub mod serve;
pub mod settings;
#[cfg(feature = "daemon")]
pub mod show;
#[cfg(feature = "daemon")]
pub mod trace;
#[cfg(feature = "daemon")]
mod user;
