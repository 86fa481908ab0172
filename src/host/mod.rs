//! Floor: host.
