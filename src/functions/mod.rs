//! Floor: functions.
