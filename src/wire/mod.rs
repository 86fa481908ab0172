//! Floor 1: bytes and their meaning. No state, no clock; what is read is legal or refused.

pub mod v0;
pub mod v1;
