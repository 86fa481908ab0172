//! Floor 5, feature `sim`: simulated hosts, links and time for tests and benches. No sockets, no clock, one seed.

pub mod link;
pub mod world;

pub use link::Link;
pub use world::{Host, World, estate, fast};
