//! Floor: manual.
