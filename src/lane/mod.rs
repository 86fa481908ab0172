//! Floor: lane.
