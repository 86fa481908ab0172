//! Floor 5: one [`Transport`](crate::transport::Transport) each.

pub mod plain;
pub mod raet;
//! Floor 5: transports, one file each.

pub mod memory;
