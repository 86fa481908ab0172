//! Floor: drivers.
