//! Floor: road.
