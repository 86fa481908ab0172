//! Floor 0: the small values every other room speaks in. No state, no clock, no input or output.

pub mod glob;
pub mod limits;
pub mod name;
pub mod random;
pub mod ranges;
pub mod target;
pub mod time;
pub mod trust;
pub mod wrap;

pub use name::{IllegalName, Name};
pub use random::Random;
pub use time::{Time, Wall};
pub use trust::{Acceptance, Fingerprint};
