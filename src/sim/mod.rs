//! Floor 5, feature `sim`: simulated hosts, links and time for tests and benches. No sockets, no clock, one seed.

pub mod link;
mod network;
pub mod shards;
pub mod state;
pub mod transfer;
pub mod world;

pub use link::{Between, Burst, Link, Step};
pub use state::{Arrival, Counts, LinkState};
pub use transfer::{Flow, Outcome, Transfer};
pub use world::{Host, World, estate, fast};
