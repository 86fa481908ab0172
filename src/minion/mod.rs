//! Floor: minion.
