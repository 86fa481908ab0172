//! Floor 5: transports, one file each, and the road on a plain socket for programs without async.

pub mod memory;
pub mod plain;
pub mod raet;
