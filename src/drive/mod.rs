//! Floor 4: sockets, and the pumps that carry datagrams and pages between them and the engines.

pub mod ear;
pub mod entropy;
pub mod lane;
pub mod offload;
pub mod train;
pub mod udp;
pub mod writer;
