//! Floor: drive.
