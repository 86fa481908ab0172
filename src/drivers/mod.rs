//! Floor 5: transports, one file each.

pub mod memory;
