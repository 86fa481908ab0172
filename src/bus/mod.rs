//! Floor: bus.
