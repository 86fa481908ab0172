//! Floor 3: the master's duty. Never names a road, a socket, a file or a clock.

pub mod request;
